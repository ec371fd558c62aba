terraform {
  required_version = ">= 1.10" # OpenTofu >= 1.10 too

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80, < 7.0"
    }
  }
}
