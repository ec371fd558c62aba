"""Fetch the deliveries of the cancer registry by SFTP."""

import io

import paramiko
import polars as pl

TARGET = "postgresql://loader@his.example.org/his"


def main() -> None:
    client = paramiko.SSHClient()
    client.connect("sftp.registry.example.org", username="hospital")
    sftp = client.open_sftp()
    for name in sftp.listdir("out"):
        with sftp.open(f"out/{name}") as file:
            cases = pl.read_csv(io.BytesIO(file.read()), separator=";")
        cases.write_database("landing.cancer_cases", TARGET, if_table_exists="append")
