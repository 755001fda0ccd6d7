# The layers, the function, and its alias `live`, through which all callers reach it.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  # Its attribute `name` is deprecated in newer providers, and 5.100 has no `region`.
  region       = data.aws_region.current.id
  function_arn = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}"
}

resource "aws_lambda_layer_version" "tools" {
  count = length(var.layers)

  layer_name               = "${var.name}-tools-${count.index + 1}"
  filename                 = var.layers[count.index].zip
  source_code_hash         = try(filebase64sha256(var.layers[count.index].zip), null)
  compatible_runtimes      = ["provided.al2023"]
  compatible_architectures = [var.architecture]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "host" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "host" {
  function_name                  = var.name
  description                    = "MCP server: tools of Lambda layers"
  role                           = aws_iam_role.host.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = var.function_zip
  source_code_hash               = try(filebase64sha256(var.function_zip), null)
  layers                         = aws_lambda_layer_version.tools[*].arn
  memory_size                    = var.memory_size
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency == null ? -1 : var.reserved_concurrency
  code_signing_config_arn        = var.code_signing_config_arn
  publish                        = true

  environment {
    variables = merge(
      var.environment,
      { for name, value in local.own_variables : name => value if value != "" },
      # Separate from the others: Terraform hides every value that is computed from it.
      var.state_key == null ? {} : { MCP_STATE_KEY = var.state_key },
    )
  }

  logging_config {
    log_group             = aws_cloudwatch_log_group.host.name
    log_format            = "JSON"
    application_log_level = var.log_level
  }

  tracing_config {
    mode = "Active"
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.problems) == 0
      error_message = join("\n", local.problems)
    }
  }

  # The function needs the permissions for its log and its table before its first call.
  depends_on = [aws_iam_role_policy.host]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.host.function_name
  function_version = aws_lambda_function.host.version
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency == null ? 0 : 1

  function_name                     = aws_lambda_function.host.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}
