# Alarms.

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = {
    errors    = { metric = "Errors", threshold = 0, about = "Requests that failed without a response: a crash, the time limit, or no memory left." }
    throttles = { metric = "Throttles", threshold = 0, about = "Requests that Lambda rejected: the concurrency limit is reached." }
    slow      = { metric = "Duration", threshold = var.alarm_p99_ms, about = "One request in a hundred takes longer than ${var.alarm_p99_ms} ms." }
  }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.about
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = aws_lambda_function.host.function_name }
  statistic           = each.key == "slow" ? null : "Sum"
  extended_statistic  = each.key == "slow" ? "p99" : null
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
}

resource "aws_cloudwatch_metric_alarm" "table" {
  for_each = var.session_table ? toset(["ReadThrottleEvents", "WriteThrottleEvents"]) : []

  alarm_name          = "${var.name}-table-${each.key}"
  alarm_description   = "DynamoDB rejected requests for sessions: callers got status 503."
  namespace           = "AWS/DynamoDB"
  metric_name         = each.key
  dimensions          = { TableName = aws_dynamodb_table.sessions[0].name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
}
