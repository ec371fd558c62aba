"""Systems and formats that code uses, recognized by imports, dependencies, addresses and names of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Technology:
    """A system or format that data comes from."""

    what: str
    """As a sentence names it."""
    modules: tuple[str, ...] = ()
    """Python modules, and names of packages that are the same but for `-` and `_`."""
    marks: str = ""
    """Regular expression of what else shows it in a file: an address, a function."""
    endings: tuple[str, ...] = ()
    """Ends of the names of files in this format."""


TECHNOLOGIES = {
    "kafka": Technology("a Kafka topic", ("confluent_kafka", "kafka", "kafka_python", "aiokafka", "faust"), r"kafka://|bootstrap[._]servers"),
    "rabbitmq": Technology("a RabbitMQ queue", ("pika", "aio_pika"), r"amqps?://"),
    "mqtt": Technology("an MQTT topic", ("paho", "paho_mqtt", "asyncio_mqtt"), r"mqtts?://"),
    "pubsub": Technology("a Google Pub/Sub topic", ("google_cloud_pubsub",), r"google\.cloud import pubsub"),
    "kinesis": Technology("a Kinesis stream", (), r"client\(\s*[\"']kinesis"),
    "sqs": Technology("an SQS queue", (), r"client\(\s*[\"']sqs"),
    "oracle": Technology("an Oracle database", ("oracledb", "cx_Oracle"), r"(?:jdbc:)?oracle(?:\+\w+)?:(?://|thin)"),
    "sqlserver": Technology("a Microsoft SQL Server database", ("pymssql",), r"mssql(?:\+\w+)?://|jdbc:sqlserver|Driver=\{?(?:ODBC Driver \d+ for )?SQL Server"),
    "db2": Technology("a Db2 database", ("ibm_db", "ibm_db_sa"), r"jdbc:db2|db2(?:\+\w+)?://"),
    "sap": Technology("an SAP system", ("pyrfc", "hdbcli"), r"hana(?:\+\w+)?://"),
    "teradata": Technology("a Teradata database", ("teradatasql",), r"teradatasql://"),
    "mongodb": Technology("a MongoDB collection", ("pymongo", "motor"), r"mongodb(?:\+srv)?://"),
    "elasticsearch": Technology("an Elasticsearch index", ("elasticsearch", "opensearchpy", "opensearch_py")),
    "cassandra": Technology("a Cassandra table", ("cassandra", "cassandra_driver")),
    "excel": Technology("Excel files", ("openpyxl", "xlrd", "pyxlsb", "calamine", "python_calamine"), r"\bread_excel\(", (".xlsx", ".xls", ".xlsm", ".xlsb")),
    "google-sheets": Technology("a Google sheet", ("gspread",), r"docs\.google\.com/spreadsheets"),
    "sharepoint": Technology("a SharePoint list or folder", ("office365", "shareplum", "office365_rest_python_client")),
    "sftp": Technology("files on an SFTP server", ("paramiko", "pysftp", "asyncssh"), r"sftp://"),
    "ftp": Technology("files on an FTP server", ("ftplib",), r"\bftps?://"),
    "e-mail": Technology("attachments of e-mails", ("imaplib", "imapclient", "exchangelib", "poplib")),
    "salesforce": Technology("Salesforce objects", ("simple_salesforce",)),
    "soap": Technology("a SOAP service", ("zeep", "suds")),
    "xml": Technology("XML files", (), r"\bread_xml\(", (".xml.gz",)),
    "edi": Technology("EDI messages", ("pydifact", "hl7", "hl7apy")),
}  # fmt: skip
"""Name -> technology. Which of them the registry can read is not said here."""

_MODULE = re.compile(r"^\s*(?:import|from)\s+([A-Za-z_][\w.]*)", re.MULTILINE)
_REQUIREMENT = re.compile(r"^\s*[\"']?([A-Za-z][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;,\"']|$)")
_QUOTED = re.compile(r"[\"']([A-Za-z][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;][^\"']*)?[\"']")
_BY_MODULE = {
    module.lower().replace("-", "_"): name for name, one in TECHNOLOGIES.items() for module in one.modules
}
_MARKS = {name: re.compile(one.marks, re.IGNORECASE) for name, one in TECHNOLOGIES.items() if one.marks}
_BY_ENDING = {ending: name for name, one in TECHNOLOGIES.items() for ending in one.endings}


def of_code(text: str, python: bool) -> Iterator[tuple[str, int]]:
    """Yield the technologies that a file of code uses, each with its first line."""
    seen: set[str] = set()
    if python:
        for match in _MODULE.finditer(text):
            name = _BY_MODULE.get(match[1].partition(".")[0].lower())
            if name and name not in seen:
                seen.add(name)
                yield name, _line(text, match.start(1))
    for name, marks in _MARKS.items():
        if name not in seen and (found := marks.search(text)):
            yield name, _line(text, found.start())


def of_requirements(text: str, quoted: bool) -> Iterator[tuple[str, int]]:
    """Yield the technologies of the packages that a file requires, each with its line. `quoted`: as pyproject.toml has them."""
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        matches = _QUOTED.findall(line) if quoted else _REQUIREMENT.findall(line)
        for package in matches:
            name = _BY_MODULE.get(package.lower().replace("-", "_").replace(".", "_"))
            if name and name not in seen:
                seen.add(name)
                yield name, number


def of_file(path: str) -> str:
    """Return the technology of a file in a format of its own; empty if there is none."""
    lower = path.lower()
    return next((name for ending, name in _BY_ENDING.items() if lower.endswith(ending)), "")


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
