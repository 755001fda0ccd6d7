# The front door of the function. No gateway handles CORS: the host does.

locals {
  # Credentials are checked by the gateway, by the host (bearer), or not at all (none).
  http_authorization = { iam = "AWS_IAM", jwt = "JWT", bearer = "NONE", none = "NONE" }[var.auth]
  # A browser sends a preflight without credentials before it calls; the host answers it.
  preflights = length(var.allowed_origins) > 0

  api_arns = concat(aws_apigatewayv2_api.http[*].execution_arn, aws_api_gateway_rest_api.rest[*].execution_arn)
  url = one(concat(
    [for api in aws_apigatewayv2_api.http : "${api.api_endpoint}/mcp"],
    [for stage in aws_api_gateway_stage.rest : "${stage.invoke_url}/mcp"],
    [for url in aws_lambda_function_url.live : "${trimsuffix(url.function_url, "/")}/mcp"],
  ))
}

# An HTTP API.

resource "aws_apigatewayv2_api" "http" {
  count = local.is_http ? 1 : 0

  name          = var.name
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "http" {
  count = local.is_http ? 1 : 0

  api_id                 = aws_apigatewayv2_api.http[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live.arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = local.is_http && var.auth == "jwt" ? 1 : 0

  api_id           = aws_apigatewayv2_api.http[0].id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = try(var.jwt.issuer, null)
    audience = try(var.jwt.audience, [])
  }
}

resource "aws_apigatewayv2_route" "http" {
  for_each = local.is_http ? merge(
    { "ANY /mcp" = local.http_authorization, "GET /health" = local.http_authorization },
    local.preflights ? { "OPTIONS /mcp" = "NONE" } : {},
  ) : {}

  api_id             = aws_apigatewayv2_api.http[0].id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.http[0].id}"
  authorization_type = each.value
  authorizer_id      = each.value == "JWT" ? one(aws_apigatewayv2_authorizer.jwt[*].id) : null
}

resource "aws_apigatewayv2_stage" "http" {
  count = local.is_http ? 1 : 0

  api_id      = aws_apigatewayv2_api.http[0].id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = var.throttling.rate
    throttling_burst_limit = var.throttling.burst
  }
}

# A REST API, described by OpenAPI: the provider's own resources learned of streaming only in releases after 5.100.

locals {
  rest_integration = {
    type                 = "aws_proxy"
    httpMethod           = "POST"
    responseTransferMode = local.streaming ? "STREAM" : "BUFFERED"
    uri = join("", [
      "arn:${local.partition}:apigateway:${local.region}:lambda:path",
      local.streaming ? "/2021-11-15" : "/2015-03-31", "/functions/${aws_lambda_alias.live.arn}",
      local.streaming ? "/response-streaming-invocations" : "/invocations",
    ])
  }
  rest_method = merge(
    { responses = {}, x-amazon-apigateway-integration = local.rest_integration },
    var.auth == "iam" ? { security = [{ sigv4 = [] }] } : {},
  )
  rest_body = jsonencode({
    openapi = "3.0.1"
    info    = { title = var.name, version = "1" }
    paths = {
      "/mcp" = merge(
        { x-amazon-apigateway-any-method = local.rest_method },
        local.preflights ? { options = { responses = {}, x-amazon-apigateway-integration = local.rest_integration } } : {},
      )
      "/health" = { get = local.rest_method }
    }
    components = {
      securitySchemes = var.auth == "iam" ? {
        sigv4 = { type = "apiKey", name = "Authorization", in = "header", x-amazon-apigateway-authtype = "awsSigv4" }
      } : {}
    }
  })
}

resource "aws_api_gateway_rest_api" "rest" {
  count = local.is_rest ? 1 : 0

  name = var.name
  body = local.rest_body

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_deployment" "rest" {
  count = local.is_rest ? 1 : 0

  rest_api_id = aws_api_gateway_rest_api.rest[0].id
  triggers    = { body = sha256(local.rest_body) }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "rest" {
  count = local.is_rest ? 1 : 0

  rest_api_id          = aws_api_gateway_rest_api.rest[0].id
  deployment_id        = aws_api_gateway_deployment.rest[0].id
  stage_name           = "live"
  xray_tracing_enabled = true
}

resource "aws_api_gateway_method_settings" "rest" {
  count = local.is_rest ? 1 : 0

  rest_api_id = aws_api_gateway_rest_api.rest[0].id
  stage_name  = aws_api_gateway_stage.rest[0].stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.throttling.rate
    throttling_burst_limit = var.throttling.burst
  }
}

# The API may invoke the function only for its two paths.

resource "aws_lambda_permission" "api" {
  for_each = local.is_url ? [] : toset(["mcp", "health"])

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.host.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${one(local.api_arns)}/*/*/${each.key}"
}

# A Function URL.

resource "aws_lambda_function_url" "live" {
  count = local.is_url ? 1 : 0

  function_name      = aws_lambda_function.host.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = var.auth == "iam" ? "AWS_IAM" : "NONE"
  invoke_mode        = local.streaming ? "RESPONSE_STREAM" : "BUFFERED"
}

locals {
  # The principals that the function's own policy must allow: callers of this account have their own policy.
  url_principals = !local.is_url ? [] : var.auth == "iam" ? var.callers : ["*"]
}

# A URL needs two permissions. The second, to invoke, must be for the URL alone; otherwise everybody could invoke the function
# past the host's token check. aws_lambda_permission has this condition only in releases of the provider after 5.100, and
# CloudFormation in all.

resource "aws_cloudformation_stack" "url_permissions" {
  count = length(local.url_principals) > 0 ? 1 : 0

  name = "${var.name}-url-permissions"
  template_body = jsonencode({
    Resources = merge([for position, principal in local.url_principals : {
      "Url${position}" = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          FunctionName        = aws_lambda_alias.live.arn
          Action              = "lambda:InvokeFunctionUrl"
          Principal           = principal
          FunctionUrlAuthType = var.auth == "iam" ? "AWS_IAM" : "NONE"
        }
      }
      "Invoke${position}" = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          FunctionName          = aws_lambda_alias.live.arn
          Action                = "lambda:InvokeFunction"
          Principal             = principal
          InvokedViaFunctionUrl = true
        }
      }
    }]...)
  })
}
