# What is served.

variable "name" {
  description = "Name of the function, and how the names of all else begin."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,48}$", var.name))
    error_message = "name: 1 to 48 letters, digits, - and _."
  }
}

variable "tools" {
  description = "Path of tools.json, which says which plugins and which of their tools are served."
  type        = string
}

variable "layers" {
  description = "One to five layers, later ones over earlier ones: the archive that `cargo layer build` made, and what `cargo layer inspect ARCHIVE --json` says of it."
  type = list(object({
    zip         = string
    description = string
  }))

  validation {
    condition     = length(var.layers) >= 1 && length(var.layers) <= 5
    error_message = "layers: a function has one to five."
  }
}

variable "function_zip" {
  description = "Path of the archive that `cargo layer host` made."
  type        = string
}

variable "function_description" {
  description = "Path of what `cargo layer inspect function.zip --json` says of it."
  type        = string
}

variable "architecture" {
  description = "CPU of the function: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture: x86_64 or arm64."
  }
}

# Who may call, and how.

variable "front_door" {
  description = "What stands before the function: http_api, rest_api, rest_api_stream, function_url or function_url_stream."
  type        = string
  default     = "http_api"

  validation {
    condition     = contains(["http_api", "rest_api", "rest_api_stream", "function_url", "function_url_stream"], var.front_door)
    error_message = "front_door: http_api, rest_api, rest_api_stream, function_url or function_url_stream."
  }
}

variable "auth" {
  description = "Who may call: iam (signed requests), jwt (tokens of an issuer; http_api only), bearer (tokens of the host's own), or none: everyone who knows the URL."
  type        = string
  default     = "iam"

  validation {
    condition     = contains(["iam", "jwt", "bearer", "none"], var.auth)
    error_message = "auth: iam, jwt, bearer or none."
  }
}

variable "bearer_tokens" {
  description = "With auth = bearer: entries NAME:HASH, as `cargo layer token NAME` prints them. Never a token itself."
  type        = list(string)
  default     = []
}

variable "jwt" {
  description = "With auth = jwt: the issuer and the audiences whose tokens are taken."
  type = object({
    issuer   = string
    audience = list(string)
  })
  default = null
}

variable "callers" {
  description = "With auth = iam and a Function URL: ARNs of roles, users or accounts outside of this account that may call. Those of this account need the policy in the output caller_policy."
  type        = list(string)
  default     = []
}

variable "allowed_origins" {
  description = "Origins of web pages that may call, such as https://app.example.com."
  type        = list(string)
  default     = []
}

variable "throttling" {
  description = "What an API lets through: requests per second, and how many more at once. A Function URL has reserved_concurrency instead."
  type = object({
    rate  = number
    burst = number
  })
  default = { rate = 50, burst = 100 }
}

# The function.

variable "memory_size" {
  description = "Memory. Unit: MB."
  type        = number
  default     = 256
}

variable "timeout" {
  description = "How long a request may take. Unit: seconds."
  type        = number
  default     = 30
}

variable "reserved_concurrency" {
  description = "The most environments at once. Default: what the account has."
  type        = number
  default     = null
}

variable "provisioned_concurrency" {
  description = "Environments that are kept ready. Default: none."
  type        = number
  default     = null
}

variable "vpc" {
  description = "Subnets and security groups to run in. Default: outside of any VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "environment" {
  description = "Other variables, of the host or of the tools. No secrets: whoever may read the function reads them."
  type        = map(string)
  default     = {}
}

variable "code_signing_config_arn" {
  description = "Code signing configuration that function and layers have to satisfy. Default: none."
  type        = string
  default     = null
}

# Sessions and state.

variable "session_table" {
  description = "Make a DynamoDB table for sessions and for what tools keep?"
  type        = bool
  default     = true
}

variable "table_deletion_protection" {
  description = "Refuse to delete the table? To take everything down, set this to false and apply first."
  type        = bool
  default     = true
}

variable "state_key" {
  description = "MCP_STATE_KEY, for tools that ask where there is no table. It stands in Terraform's state."
  type        = string
  default     = null
  sensitive   = true
}

# Operation.

variable "log_level" {
  description = "The least important lines that are logged: TRACE, DEBUG, INFO, WARN, ERROR or FATAL."
  type        = string
  default     = "INFO"
}

variable "log_retention_days" {
  description = "How long logs are kept. Unit: days."
  type        = number
  default     = 30
}

variable "metrics" {
  description = "Write metrics of the function and of each tool (MCP_METRICS=emf)? CloudWatch bills each."
  type        = bool
  default     = false
}

variable "alarm_topics" {
  description = "ARNs of SNS topics that hear of alarms. Default: nobody does."
  type        = list(string)
  default     = []
}

variable "alarm_p99_ms" {
  description = "The alarm of slow requests goes off when one of a hundred takes longer. Unit: milliseconds."
  type        = number
  default     = 5000
}
