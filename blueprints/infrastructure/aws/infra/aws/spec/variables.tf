# This module has no provider: it only works out what follows from the spec, so that it can be tested anywhere.
variable "product" {
  description = "data-product.yaml, decoded."
  type        = any
}

variable "contract" {
  description = "The contract (ODCS), decoded."
  type        = any
}

variable "environment" {
  description = "The environment of the spec that is provisioned."
  type        = string
}

variable "account" {
  description = "Number of the AWS account."
  type        = string
}

variable "region" {
  description = "The AWS region."
  type        = string
}

variable "variables" {
  description = "Variable -> its value in this environment."
  type        = map(string)
}

variable "secrets" {
  description = "Variables whose values are secret."
  type        = set(string)
}

variable "recovery_days" {
  description = "How long an overwritten object can be brought back, where retention does not end it sooner."
  type        = number
}
