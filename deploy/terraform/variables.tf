# The tools to serve.

variable "name" {
  description = "Name of the function, and prefix of all other names."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,48}$", var.name))
    error_message = "name: use 1 to 48 letters, digits, - and _."
  }
}

variable "tools" {
  description = "Path of tools.json, which selects the plugins and the tools to serve."
  type        = string
}

variable "layers" {
  description = "One to five layers, later ones over earlier ones: the archive made by `cargo layer build`, and its description, written by `cargo layer inspect ARCHIVE --json`."
  type = list(object({
    zip         = string
    description = string
  }))

  validation {
    condition     = length(var.layers) >= 1 && length(var.layers) <= 5
    error_message = "layers: name one to five."
  }
}

variable "function_zip" {
  description = "Path of the archive made by `cargo layer host`."
  type        = string
}

variable "function_description" {
  description = "Path of its description, written by `cargo layer inspect function.zip --json`."
  type        = string
}

variable "architecture" {
  description = "CPU of the function: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture: use x86_64 or arm64."
  }
}

# Front door and authentication.

variable "front_door" {
  description = "The front door of the function: http_api, rest_api, rest_api_stream, function_url or function_url_stream."
  type        = string
  default     = "http_api"

  validation {
    condition     = contains(["http_api", "rest_api", "rest_api_stream", "function_url", "function_url_stream"], var.front_door)
    error_message = "front_door: use http_api, rest_api, rest_api_stream, function_url or function_url_stream."
  }
}

variable "auth" {
  description = "The authentication of callers: iam (signed requests), jwt (tokens of an issuer; http_api only), bearer (the host's tokens), or none (everyone who knows the URL)."
  type        = string
  default     = "iam"

  validation {
    condition     = contains(["iam", "jwt", "bearer", "none"], var.auth)
    error_message = "auth: use iam, jwt, bearer or none."
  }
}

variable "bearer_tokens" {
  description = "With auth = bearer: entries NAME:HASH, as `cargo layer token NAME` prints them. Never a token itself."
  type        = list(string)
  default     = []
}

variable "jwt" {
  description = "With auth = jwt: the issuer and the audiences of accepted tokens."
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
  description = "The throttling of an API: requests per second, and a burst. A Function URL has reserved_concurrency instead."
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
  description = "The time limit of a request. Unit: seconds."
  type        = number
  default     = 30
}

variable "reserved_concurrency" {
  description = "The maximum number of environments at once. Default: the account's limit."
  type        = number
  default     = null
}

variable "provisioned_concurrency" {
  description = "The number of environments that are kept ready. Default: none."
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
  description = "Other variables, of the host or of the tools. No secrets: everyone who can read the function can read them."
  type        = map(string)
  default     = {}
}

variable "code_signing_config_arn" {
  description = "Code signing configuration that function and layers must satisfy. Default: none."
  type        = string
  default     = null
}

# Sessions and state.

variable "session_table" {
  description = "Whether to create a DynamoDB table for sessions and tool state."
  type        = bool
  default     = true
}

variable "table_deletion_protection" {
  description = "Whether DynamoDB refuses to delete the table. Before a teardown, set this to false and apply."
  type        = bool
  default     = true
}

variable "state_key" {
  description = "MCP_STATE_KEY, for tools that ask their client while there is no table. It is visible in Terraform's state."
  type        = string
  default     = null
  sensitive   = true
}

# Operation.

variable "log_level" {
  description = "The lowest level that is logged: TRACE, DEBUG, INFO, WARN, ERROR or FATAL."
  type        = string
  default     = "INFO"
}

variable "log_retention_days" {
  description = "The retention of logs. Unit: days."
  type        = number
  default     = 30
}

variable "metrics" {
  description = "Whether to write metrics of the function and of each tool (MCP_METRICS=emf). CloudWatch bills each."
  type        = bool
  default     = false
}

variable "alarm_topics" {
  description = "ARNs of SNS topics to notify of alarms. Default: none."
  type        = list(string)
  default     = []
}

variable "alarm_p99_ms" {
  description = "The threshold of the alarm of slow requests, for the 99th percentile. Unit: milliseconds."
  type        = number
  default     = 5000
}
