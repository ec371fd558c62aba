"""Store what smart meters publish."""

import json

import paho.mqtt.client as mqtt
import psycopg


def on_message(client, userdata, message):
    value = json.loads(message.payload)
    with psycopg.connect("postgresql://mqtt@billing.example.org/billing") as billing:
        billing.execute(
            "INSERT INTO telemetry.smart_meter_intervals (meter_serial, interval_start, kwh) VALUES (%s, %s, %s)",
            [value["meter"], value["start"], value["kwh"]],
        )


def main() -> None:
    client = mqtt.Client()
    client.on_message = on_message
    client.connect("mqtt.example.org")
    client.subscribe("meters/+/interval")
    client.loop_forever()
