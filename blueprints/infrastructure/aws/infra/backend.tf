# Where Terraform keeps what it knows. Bucket and key are said once, when it is initialised:
#   terraform init -backend-config=bucket=… -backend-config=key=… -backend-config=region=…
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
