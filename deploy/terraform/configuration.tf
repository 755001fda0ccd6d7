# Derives ENTRY_FILE and TOOLS_LIST from tools.json and the descriptions of the archives. All problems are collected in
# local.problems, which stops the plan at the function.

locals {
  cpu       = { x86_64 = "x86_64", arm64 = "aarch64" }[var.architecture]
  is_url    = startswith(var.front_door, "function_url")
  is_rest   = startswith(var.front_door, "rest_api")
  is_http   = var.front_door == "http_api"
  streaming = endswith(var.front_door, "_stream")

  # The archives, each with the report of `cargo layer inspect`.
  archives = [for archive in concat(var.layers, [{ zip = var.function_zip, description = var.function_description }]) : merge(archive, {
    sha256 = try(filesha256(archive.zip), null)
    report = try(jsondecode(file(archive.description)), null)
  })]
  layers    = slice(local.archives, 0, length(var.layers))
  bootstrap = try(local.archives[length(var.layers)].report.bootstrap, null)
  plugins = flatten([for layer in local.layers : [for plugin in try(layer.report.plugins, []) : {
    zip   = layer.zip
    file  = plugin.file
    cpu   = plugin.cpu
    tools = [for tool in plugin.tools : { name = tool.name, function = tool.function, by_default = tool.byDefault }]
  }]])

  # tools.json. An entry file may be written as libcustom_tools.so, custom_tools or custom-tools.
  wanted = try([for entry in jsondecode(file(var.tools)).tool_list : {
    file = (endswith(entry.custom_tool.entry_file, ".so")
      ? entry.custom_tool.entry_file
      : "lib${replace(entry.custom_tool.entry_file, "-", "_")}.so"
    )
    # Without a list: the tools that the layer serves by default.
    default = !can(entry.custom_tool.tool_list)
    names   = can(entry.custom_tool.tool_list) ? [for name in entry.custom_tool.tool_list : tostring(name)] : []
  }], null)

  # The meaning of each of its names. The host applies TOOLS_LIST to all plugins; here a name applies to its own plugin only.
  selections = [for entry in coalesce(local.wanted, []) : {
    file    = entry.file
    default = entry.default
    plugins = [for plugin in local.plugins : plugin if plugin.file == entry.file]
    names = [for name in entry.names : {
      written  = name
      excludes = startswith(name, "!")
      pattern  = "^${replace(replace(trimspace(trimprefix(name, "!")), "/([^A-Za-z0-9_*])/", "\\$1"), "*", ".*")}$"
    }]
  }]
  meanings = [for entry in local.selections : [for name in entry.names : merge(name, {
    by_name     = flatten([for plugin in entry.plugins : [for tool in plugin.tools : tool.name if can(regex(name.pattern, tool.name))]])
    by_function = flatten([for plugin in entry.plugins : [for tool in plugin.tools : tool.name if can(regex(name.pattern, tool.function))]])
  })]]
  chosen = [for position, entry in local.selections : {
    included = flatten([for name in local.meanings[position] : length(name.by_name) > 0 ? name.by_name : name.by_function if !name.excludes])
    excluded = flatten([for name in local.meanings[position] : length(name.by_name) > 0 ? name.by_name : name.by_function if name.excludes])
    all      = length(entry.names) > 0 && alltrue([for name in entry.names : name.excludes])
  }]
  served = [for position, entry in local.selections : flatten([for plugin in entry.plugins : [
    for tool in plugin.tools : tool.name
    if(entry.default
      ? tool.by_default
      : !contains(local.chosen[position].excluded, tool.name)
      && (local.chosen[position].all || contains(local.chosen[position].included, tool.name))
    )
  ]])]

  entry_file = join(",", [for entry in local.selections : entry.file])
  tools      = flatten(local.served)

  # The function's variables.
  own_variables = {
    ENTRY_FILE          = local.entry_file
    TOOLS_LIST          = join(",", local.tools)
    MCP_RESPONSE_MODE   = local.streaming ? "stream" : "buffered"
    MCP_BEARER_TOKENS   = join(",", var.bearer_tokens)
    MCP_ALLOWED_ORIGINS = join(",", var.allowed_origins)
    MCP_SESSION_TABLE   = var.session_table ? aws_dynamodb_table.sessions[0].name : ""
    MCP_METRICS         = var.metrics ? "emf" : ""
  }
  reserved_variables = concat(keys(local.own_variables), ["MCP_STATE_KEY", "MCP_PLUGIN_DIR", "AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_LOG_FORMAT"])

  problems = concat(
    # The archives.
    [
      for archive in local.archives :
      "${archive.zip}: there is no such file; make it with `cargo layer`"
      if archive.sha256 == null
    ],
    [
      for archive in local.archives :
      "${archive.description}: not a description of an archive; write it with `cargo layer inspect ${archive.zip} --json >${archive.description}`"
      if try(archive.report.sha256, null) == null
    ],
    [
      for archive in local.archives :
      "${archive.description}: describes another archive than ${archive.zip}; write it again with `cargo layer inspect ${archive.zip} --json >${archive.description}`"
      if archive.sha256 != null && try(archive.report.sha256, archive.sha256) != archive.sha256
    ],
    [
      for plugin in local.plugins :
      "${plugin.zip}: ${plugin.file} is for ${plugin.cpu}, but the function is for ${local.cpu}; build it with `cargo layer build --arch ${var.architecture}`, or set architecture"
      if plugin.cpu != local.cpu
    ],
    local.bootstrap != null || local.archives[length(var.layers)].report == null ? [] : [
      "${var.function_zip}: has no bootstrap; make it with `cargo layer host`",
    ],
    try(local.bootstrap.cpu, local.cpu) == local.cpu ? [] : [
      "${var.function_zip}: bootstrap is for ${local.bootstrap.cpu}, but the function is for ${local.cpu}; build it with `cargo layer host --arch ${var.architecture}`, or set architecture",
    ],

    # tools.json.
    try(length(local.wanted), 0) > 0 ? [] : [
      "${var.tools}: not of the form {\"tool_list\":[{\"custom_tool\":{\"entry_file\":\"libcustom_tools.so\",\"tool_list\":[\"greet\"]}}]}",
    ],
    [
      for entry in local.selections :
      "${var.tools}: no layer has ${entry.file}; the plugins are ${join(", ", local.plugins[*].file)}"
      if length(entry.plugins) == 0
    ],
    [
      for entry in local.selections :
      "${var.tools}: ${entry.file} is in several layers: ${join(", ", entry.plugins[*].zip)}"
      if length(entry.plugins) > 1
    ],
    [
      for file in distinct(local.selections[*].file) :
      "${var.tools}: names ${file} twice; put its tools into one entry"
      if length([for entry in local.selections : entry if entry.file == file]) > 1
    ],
    flatten([for position, entry in local.selections : [
      for name in local.meanings[position] :
      "${var.tools}: ${entry.file} has no tool ${name.written}; it has ${join(", ", flatten(entry.plugins[*].tools[*].name))}"
      if length(entry.plugins) > 0 && length(concat(name.by_name, name.by_function)) == 0
    ]]),
    flatten([for position, entry in local.selections : [
      for name in local.meanings[position] :
      "${var.tools}: ${name.written} is the function of several tools of ${entry.file}: ${join(", ", name.by_function)}; write the tool's name"
      if length(name.by_name) == 0 && length(name.by_function) > 1 && !strcontains(name.written, "*")
    ]]),
    [
      for position, entry in local.selections :
      "${var.tools}: no tool of ${entry.file} is left to serve"
      if length(entry.plugins) > 0 && length(local.served[position]) == 0
    ],
    [
      for name in distinct(local.tools) :
      "${var.tools}: two plugins have a tool ${name}; serve one of them"
      if length([for tool in local.tools : tool if tool == name]) > 1
    ],

    # Authentication.
    (var.auth == "bearer") == (length(var.bearer_tokens) > 0) ? [] : [
      "bearer_tokens: belong to auth = bearer, which needs at least one",
    ],
    [
      for position, entry in var.bearer_tokens :
      "bearer_tokens: entry ${position + 1} is not NAME:HASH; `cargo layer token NAME` makes a token and prints its entry"
      if !can(regex("^[A-Za-z0-9._@-]{1,64}:[0-9A-Fa-f]{64}$", entry))
    ],
    (var.auth == "jwt") == (var.jwt != null) ? [] : [
      "jwt: belongs to auth = jwt, which needs its issuer and audience",
    ],
    var.auth != "jwt" || local.is_http ? [] : [
      "auth: ${var.front_door} cannot check a JWT; use front_door = http_api",
    ],
    length(var.callers) == 0 || (local.is_url && var.auth == "iam") ? [] : [
      "callers: belong to a Function URL with auth = iam",
    ],
    length(var.allowed_origins) == 0 || !(local.is_url && var.auth == "iam") ? [] : [
      "allowed_origins: a Function URL with auth = iam refuses the preflights of browsers; use an API, or auth = bearer",
    ],
    [
      for origin in var.allowed_origins :
      "allowed_origins: ${origin} is not an origin; write it as a browser sends it, such as https://app.example.com"
      if !can(regex("^[a-z][a-z0-9+.-]*://[^*/, ]+$", origin))
    ],

    # The variables.
    [
      for name in keys(var.environment) :
      "environment: ${name} is set by this module"
      if contains(local.reserved_variables, name)
    ],
    sum(concat([0], [for name, value in merge(var.environment, local.own_variables) : length(name) + length(value)])) <= 4096 ? [] : [
      "environment: Lambda accepts at most 4 KB of variables; serve fewer tools, or use several functions",
    ],
  )
}
