# What Lake Formation's grants need: it knows where the data are, and a role to read them with for whoever has a grant.
# Who has one follows from access/, changes with time, and is set by `meshwright access`: Terraform grants nobody.
resource "aws_lakeformation_resource" "data" {
  count = module.spec.lake_formation ? 1 : 0

  arn      = aws_s3_bucket.data.arn
  role_arn = aws_iam_role.product["lake"].arn

  # Once registered, only who has access to the location makes tables there.
  depends_on = [aws_glue_catalog_table.port]
}

# An Iceberg table is made by the run.
resource "aws_lakeformation_permissions" "run" {
  for_each = module.spec.lake_formation && length(module.spec.iceberg_ports) > 0 ? toset(["database", "location"]) : toset([])

  principal   = aws_iam_role.product["run"].arn
  permissions = each.key == "database" ? ["CREATE_TABLE", "DESCRIBE"] : ["DATA_LOCATION_ACCESS"]

  dynamic "database" {
    for_each = each.key == "database" ? [aws_glue_catalog_database.product.name] : []

    content {
      name = database.value
    }
  }

  dynamic "data_location" {
    for_each = each.key == "location" ? [aws_lakeformation_resource.data[0].arn] : []

    content {
      arn = data_location.value
    }
  }
}

data "aws_iam_policy_document" "lake_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lakeformation.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "lake" {
  statement {
    sid       = "FindObjects"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.data.arn]
  }

  statement {
    sid       = "ReadObjects"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.data.arn}/*"]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.product.arn]
  }
}
