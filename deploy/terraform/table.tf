# The table of sessions and of tool state.

resource "aws_dynamodb_table" "sessions" {
  count = var.session_table ? 1 : 0

  name                        = "${var.name}-sessions"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "session_id"
  deletion_protection_enabled = var.table_deletion_protection

  attribute {
    name = "session_id"
    type = "S"
  }

  ttl {
    enabled        = true
    attribute_name = "expires_at"
  }

  # Encrypted with an AWS managed key of the account (aws/dynamodb); CloudTrail records its use.
  server_side_encryption {
    enabled = true
  }
}
