# One key for all that the product keeps: who may not use it reads nothing, whatever else they may.
resource "aws_kms_key" "product" {
  description             = "Data product ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "product" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.product.key_id
}

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109: "*" is the key itself in the policy of a key; the account decides through IAM who uses it
  #checkov:skip=CKV_AWS_111: "*" is the key itself in the policy of a key
  #checkov:skip=CKV_AWS_356: "*" is the key itself in the policy of a key
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["${local.arn.logs}:log-group:${local.log_group}"]
    }
  }

  # What tells the owner goes through an encrypted topic, whose own policy says who may publish there.
  statement {
    sid       = "Alarms"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    }
  }
}
