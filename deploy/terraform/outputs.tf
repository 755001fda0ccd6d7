locals {
  service = local.is_url ? "lambda" : "execute-api"

  curl_auth = {
    iam    = "--aws-sigv4 aws:amz:${local.region}:${local.service} --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" -H \"X-Amz-Security-Token: $AWS_SESSION_TOKEN\" "
    jwt    = "-H \"Authorization: Bearer $MCP_TOKEN\" "
    bearer = "-H \"Authorization: Bearer $MCP_TOKEN\" "
    none   = ""
  }[var.auth]

  # The configuration of MCP clients. They cannot sign requests, so with iam they start AWS's proxy, which can.
  proxy = { command = "uvx", args = ["mcp-proxy-for-aws@latest", local.url, "--service", local.service, "--region", local.region] }
  by_token = {
    for client, variable in { claude_code = "$${MCP_TOKEN}", cursor = "$${env:MCP_TOKEN}" } :
    client => contains(["jwt", "bearer"], var.auth) ? { headers = { Authorization = "Bearer ${variable}" } } : {}
  }
}

output "url" {
  description = "The MCP endpoint."
  value       = local.url
}

output "curl" {
  description = "A command that lists the tools."
  value       = "curl -s ${local.url} ${local.curl_auth}-H 'Content-Type: application/json' -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}'"
}

output "clients" {
  description = "The configuration for .mcp.json of Claude Code and .cursor/mcp.json of Cursor; `cargo layer connect` knows others."
  value = {
    for client, type in { claude_code = { type = "http" }, cursor = {} } :
    client => jsonencode({ mcpServers = { (var.name) = jsondecode(var.auth == "iam" ? jsonencode(local.proxy) : jsonencode(merge(type, { url = local.url }, local.by_token[client]))) } })
  }
}

output "caller_policy" {
  description = "With auth = iam: the policy that lets a role or user of this account call."
  value = var.auth != "iam" ? null : jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for alias in local.is_url ? [aws_lambda_alias.live.arn] : [] : { Effect = "Allow", Action = "lambda:InvokeFunctionUrl", Resource = alias }],
      [for alias in local.is_url ? [aws_lambda_alias.live.arn] : [] : {
        Effect    = "Allow"
        Action    = "lambda:InvokeFunction"
        Resource  = alias
        Condition = { Bool = { "lambda:InvokedViaFunctionUrl" = "true" } }
      }],
      [for arn in local.api_arns : { Effect = "Allow", Action = "execute-api:Invoke", Resource = "${arn}/*/*/mcp" }],
    )
  })
}

output "entry_file" {
  description = "ENTRY_FILE, as derived from tools.json."
  value       = local.entry_file
}

output "tools" {
  description = "The served tools: TOOLS_LIST."
  value       = local.tools
}

output "function_name" {
  description = "The function. Call it by its alias `live`."
  value       = aws_lambda_function.host.function_name
}

output "alias_arn" {
  description = "ARN of the alias `live`."
  value       = aws_lambda_alias.live.arn
}

output "log_group" {
  description = "The name of the log group."
  value       = aws_cloudwatch_log_group.host.name
}

output "table" {
  description = "The table of sessions, if there is one."
  value       = one(aws_dynamodb_table.sessions[*].name)
}
