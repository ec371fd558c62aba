# What each is good for, and what it may be, is said in aws/variables.tf.
variable "environment" {
  description = "The environment of data-product.yaml that is provisioned."
  type        = string
  default     = "production"
}

variable "region" {
  description = "The region, if it is not the one that data-product.yaml names."
  type        = string
  default     = null
}

variable "image_tag" {
  description = "Tag of the image that runs, such as the commit it was built from."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of one VPC that the run starts in."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether a run gets a public address: only in subnets that have neither NAT nor endpoints."
  type        = bool
  default     = false
}

variable "egress_ports" {
  description = "TCP ports that a run may connect to: 443 for AWS, and those of its sources."
  type        = set(number)
  default     = [443]
}

variable "task" {
  description = "Size of a run: CPU units, memory in MiB, disk in GiB (21 to 200), and the image's architecture."
  type = object({
    cpu          = optional(number, 1024)
    memory       = optional(number, 4096)
    disk         = optional(number, 21)
    architecture = optional(string, "X86_64")
  })
  default = {}
}

variable "variables" {
  description = "Values of the variables that data-product.yaml names. Nothing secret: that goes into `secrets`."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Variable -> ARN of the secret (Secrets Manager) or parameter (SSM) that holds its value."
  type        = map(string)
  default     = {}
}

variable "secrets_kms_key_arns" {
  description = "KMS keys of the customer's own that the secrets are encrypted with."
  type        = list(string)
  default     = []
}

variable "run_policy_arns" {
  description = "Further policies of the run's role, such as one that reads the bucket of a product it consumes."
  type        = list(string)
  default     = []
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the roles, where the organisation wants one."
  type        = string
  default     = null
}

variable "ci" {
  description = "The repository that may deploy, through OpenID Connect; none, if it is left out."
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
}
