# What the function may do: nothing but what stands here.

resource "aws_iam_role" "host" {
  name = "${var.name}-${local.region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

locals {
  # Lambda's own hands for a network interface; neither has resources that could be named.
  interface_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]
}

resource "aws_iam_role_policy" "host" {
  name = "host"
  role = aws_iam_role.host.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Log"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.host.arn}:*"
        },
        # Traces have no resource that could be named.
        {
          Sid      = "Trace"
          Effect   = "Allow"
          Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
          Resource = "*"
        },
      ],
      [for table in aws_dynamodb_table.sessions : {
        Sid      = "Sessions"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        Resource = table.arn
      }],
      [for vpc in var.vpc[*] : {
        Sid      = "Network"
        Effect   = "Allow"
        Action   = local.interface_actions
        Resource = "*"
      }],
      # The same by the code of the function itself, plugins among it, is none of its business.
      [for vpc in var.vpc[*] : {
        Sid       = "NetworkNotByCode"
        Effect    = "Deny"
        Action    = local.interface_actions
        Resource  = "*"
        Condition = { ArnEquals = { "lambda:SourceFunctionArn" = local.function_arn } }
      }],
    )
  })
}
