# Where CI pushes the product's image. A tag, once pushed, stays what it was.
resource "aws_ecr_repository" "product" {
  name                 = replace(local.name, "--", "/")
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.product.arn
  }
}

resource "aws_ecr_lifecycle_policy" "product" {
  repository = aws_ecr_repository.product.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "The last 50 images: as far back as one may want to go"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 50 }
      action       = { type = "expire" }
    }]
  })
}
