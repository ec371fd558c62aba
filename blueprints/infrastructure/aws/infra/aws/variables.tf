variable "product" {
  description = "data-product.yaml, decoded."
  type        = any
}

variable "contract" {
  description = "The contract (ODCS) that data-product.yaml names, decoded."
  type        = any
}

variable "environment" {
  description = "The environment of data-product.yaml that is provisioned."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.environment)) && length(var.environment) <= 30
    error_message = "Small letters, digits and single hyphens, a letter first, at most 30 characters."
  }
}

variable "region" {
  description = "The AWS region."
  type        = string
}

variable "image_tag" {
  description = "Tag of the image that runs. A tag is pushed once and never moved."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag))
    error_message = "A tag of an image, such as the commit that it was built from."
  }
}

variable "task" {
  description = "Size of a run: CPU units, memory in MiB, disk in GiB (21 to 200), and the image's architecture."
  type = object({
    cpu          = optional(number, 1024)
    memory       = optional(number, 4096)
    disk         = optional(number, 21)
    architecture = optional(string, "X86_64")
  })
  default  = {}
  nullable = false
}

variable "variables" {
  description = "Variable of data-product.yaml -> its value. Nothing secret."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for name in keys(var.variables) : can(regex("(?i)passw|passphrase|secret|token|credential|private_?key|access_?key|api_?key", name))])
    error_message = "Its name says that a value is secret: give the ARN of the secret in `secrets` instead."
  }

  validation {
    condition     = !anytrue([for value in values(var.variables) : can(regex("://[^/@\\s]*:[^/@\\s]+@", value))])
    error_message = "A URL has a password in it: give the ARN of a secret that holds the URL in `secrets` instead."
  }
}

variable "secrets" {
  description = "Variable of data-product.yaml -> ARN of the secret (Secrets Manager) or parameter (SSM) with its value."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[a-z-]+:(secretsmanager:[a-z0-9-]+:[0-9]{12}:secret|ssm:[a-z0-9-]+:[0-9]{12}:parameter)[:/][^*?]+$", arn))])
    error_message = "A value is no ARN of one secret or parameter."
  }
}

variable "secrets_kms_key_arns" {
  description = "KMS keys that the secrets are encrypted with, if they are not AWS's own."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "run_policy_arns" {
  description = "Further policies of the run's role, such as one that reads the bucket of a product it consumes."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the roles."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Subnets of one VPC that the run starts in. They need a way to ECR, S3, CloudWatch Logs and the sources."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "At least one."
  }
}

variable "assign_public_ip" {
  description = "Whether a run gets a public address: only in subnets that have neither NAT nor endpoints."
  type        = bool
  default     = false
  nullable    = false
}

variable "egress_ports" {
  description = "TCP ports that a run may connect to."
  type        = set(number)
  default     = [443]
  nullable    = false
}

variable "recovery_days" {
  description = "How long an overwritten object can be brought back; shorter, where the retention trait keeps data for less."
  type        = number
  default     = 30
  nullable    = false
}

variable "log_days" {
  description = "How long logs are kept; a number that CloudWatch Logs knows."
  type        = number
  default     = 365
  nullable    = false
}

variable "ci" {
  description = <<-EOT
    The repository that may deploy, through OpenID Connect; none, if it is null.
    forge: github or gitlab. repository: group/name. branch: the default branch, which alone may deploy.
    environment: GitHub only, and instead of the branch: the protected environment whose jobs may deploy.
    issuer, audience: of a forge of your own. create_provider: whether the account does not know the issuer yet.
    state: where Terraform's state lies, if CI runs Terraform.
  EOT
  type = object({
    forge           = optional(string, "github")
    repository      = string
    branch          = optional(string, "main")
    environment     = optional(string)
    issuer          = optional(string)
    audience        = optional(string)
    create_provider = optional(bool, false)
    state = optional(object({
      bucket      = string
      key         = string
      kms_key_arn = optional(string)
    }))
  })
  default = null

  validation {
    condition     = var.ci == null ? true : contains(["github", "gitlab"], var.ci.forge)
    error_message = "The forge is github or gitlab."
  }

  validation {
    condition     = var.ci == null ? true : can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$", var.ci.repository)) && !can(regex("[*?]", "${var.ci.branch}${coalesce(var.ci.environment, "-")}"))
    error_message = "The repository is group/name, and neither branch nor environment has a wildcard."
  }

  validation {
    condition     = var.ci == null ? true : var.ci.issuer == null || can(regex("^https://[^/?#]+(/[^?#]*[^/?#])?$", coalesce(var.ci.issuer, "-")))
    error_message = "The issuer is an https:// address, without a slash at its end."
  }
}
