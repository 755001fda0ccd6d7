# The tools of layer.zip behind an HTTP API, for signed requests of this account.
#
#     cargo layer host && cargo layer build
#     cargo layer inspect function.zip --json >function.json
#     cargo layer inspect layer.zip --json >layer.json
#     terraform init && terraform apply

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

module "mcp" {
  source = "../.."

  name                 = "mcp-host"
  tools                = "${path.root}/tools.json"
  layers               = [{ zip = "${path.root}/layer.zip", description = "${path.root}/layer.json" }]
  function_zip         = "${path.root}/function.zip"
  function_description = "${path.root}/function.json"
}

output "url" {
  value = module.mcp.url
}

output "curl" {
  value = module.mcp.curl
}

output "caller_policy" {
  value = module.mcp.caller_policy
}
