"""What one would write without a data product: `python bare_spark.py SQL FOLDER TARGET`."""

import sys
from pathlib import Path

from pyspark.sql import SparkSession

sql, folder, target = sys.argv[1:]
spark = SparkSession.builder.master("local[2]").config("spark.sql.session.timeZone", "UTC").getOrCreate()
for table in Path(folder).iterdir():
    spark.read.parquet(str(table)).createOrReplaceTempView(table.stem)
spark.sql(Path(sql).read_text()).write.mode("overwrite").option("compression", "zstd").parquet(target)
