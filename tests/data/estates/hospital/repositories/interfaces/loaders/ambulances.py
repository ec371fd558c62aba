"""Receive announcements of ambulances from the dispatch centre's RabbitMQ."""

import json

import pika
import psycopg


def on_message(channel, method, properties, body):
    value = json.loads(body)
    with psycopg.connect("postgresql://loader@his.example.org/his") as his:
        his.execute(
            "INSERT INTO landing.ambulance_arrivals (run_number, vehicle, severity, expected_at) VALUES (%s, %s, %s, %s)",
            list(value.values()),
        )


def main() -> None:
    channel = pika.BlockingConnection(pika.ConnectionParameters("mq.dispatch.example.org")).channel()
    channel.basic_consume("arrivals", on_message, auto_ack=True)
    channel.start_consuming()
