# The product's bucket, and one for the log of who read it.
locals {
  buckets = {
    data = { name = module.spec.bucket, noncurrent_days = module.spec.noncurrent_days }
    logs = { name = "${module.spec.bucket}-logs", noncurrent_days = 1 }
  }
}

resource "aws_s3_bucket" "product" {
  #checkov:skip=CKV_AWS_18: the data bucket has a log (access.tf's aws_s3_bucket_logging); the log of a log would never end
  #checkov:skip=CKV_AWS_144: a copy in another region is a decision on where the data may lie, not a default
  #checkov:skip=CKV_AWS_145: the data bucket has the product's key; S3 writes access logs only where S3 has the key
  #checkov:skip=CKV2_AWS_62: nothing waits for events of the bucket
  for_each = local.buckets
  bucket   = each.value.name
}

resource "aws_s3_bucket_public_access_block" "product" {
  for_each                = local.buckets
  bucket                  = aws_s3_bucket.product[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "product" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.product[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "product" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.product[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "product" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.product[each.key].id

  rule {
    bucket_key_enabled = each.key == "data"

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == "data" ? "aws:kms" : "AES256"
      kms_master_key_id = each.key == "data" ? aws_kms_key.product.arn : null
    }
  }
}

# What is current stays: only the pipeline deletes from the data set. What was overwritten or deleted goes for good.
resource "aws_s3_bucket_lifecycle_configuration" "product" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.product[each.key].id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = each.value.noncurrent_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  dynamic "rule" {
    for_each = each.key == "logs" ? [var.log_days] : []

    content {
      id     = "old-logs"
      status = "Enabled"

      filter {}

      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "data" ? ["deleted"] : []

    content {
      id     = "deleted-for-good"
      status = "Enabled"

      filter {}

      expiration {
        expired_object_delete_marker = true
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.product]
}

resource "aws_s3_bucket_logging" "product" {
  bucket        = aws_s3_bucket.product["data"].id
  target_bucket = aws_s3_bucket.product["logs"].id
  target_prefix = "access/"

  depends_on = [aws_s3_bucket_policy.product]
}

data "aws_iam_policy_document" "bucket" {
  for_each = local.buckets

  statement {
    sid       = "OnlyEncryptedTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.product[each.key].arn, "${aws_s3_bucket.product[each.key].arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    sid       = "OnlyCurrentTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.product[each.key].arn, "${aws_s3_bucket.product[each.key].arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "NumericLessThan"
      variable = "s3:TlsVersion"
      values   = ["1.2"]
    }
  }

  # A writer may say nothing of encryption, and then it is this key; to ask for another is refused.
  dynamic "statement" {
    for_each = each.key == "data" ? {
      "s3:x-amz-server-side-encryption"                = "aws:kms"
      "s3:x-amz-server-side-encryption-aws-kms-key-id" = aws_kms_key.product.arn
    } : {}

    content {
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = ["${aws_s3_bucket.product[each.key].arn}/*"]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }

      condition {
        test     = "StringNotEqualsIfExists"
        variable = statement.key
        values   = [statement.value]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "logs" ? ["logging"] : []

    content {
      sid       = "AccessLog"
      actions   = ["s3:PutObject"]
      resources = ["${aws_s3_bucket.product["logs"].arn}/access/*"]

      principals {
        type        = "Service"
        identifiers = ["logging.s3.amazonaws.com"]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [aws_s3_bucket.product["data"].arn]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "product" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.product[each.key].id
  policy   = data.aws_iam_policy_document.bucket[each.key].json

  # S3 takes one change of a bucket's access at a time.
  depends_on = [aws_s3_bucket_public_access_block.product]
}
