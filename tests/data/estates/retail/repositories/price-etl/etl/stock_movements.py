"""Copy stock movements from the topic of the stores into the warehouse."""

import json

import psycopg
from confluent_kafka import Consumer

INSERT = "insert into raw.stock_movements (movement_id, sku, store_id, quantity, reason, occurred_at) values (%s, %s, %s, %s, %s, %s)"


def main() -> None:
    consumer = Consumer({"bootstrap.servers": "kafka.example.org:9092", "group.id": "price-etl"})
    consumer.subscribe(["stores.stock-movements.v1"])
    with psycopg.connect("postgresql://etl@warehouse.example.org/warehouse") as warehouse:
        while message := consumer.poll(1.0):
            value = json.loads(message.value())
            warehouse.execute(
                INSERT, [value[key] for key in ("id", "sku", "store", "quantity", "reason", "at")]
            )


if __name__ == "__main__":
    main()
