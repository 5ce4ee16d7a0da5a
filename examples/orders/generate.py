#!/usr/bin/env python3
"""Orders like those of ksqlDB's `ksql-datagen quickstart=orders`, always the same for the same numbers.

    generate.py --first 0 --rows 200                                  prints INSERT statements
    generate.py --first 0 --rows 200 --server http://localhost:8088   sends them, after creating the stream
"""
import argparse
import json
import urllib.request
from pathlib import Path


def order(number):
    """Row `number`: a linear congruential generator, so that no library decides what comes."""
    state = (number + 1) * 6364136223846793005 % 2**64

    def draw(below):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % below

    units = 1 + draw(99)
    return {
        "ORDERID": number,
        "ORDERTIME": 1487715775521 + number * 157_000 + draw(100_000),
        "ITEMID": f"Item_{1 + draw(999)}",
        "ORDERUNITS": units / 10,
        "ADDRESS": {"CITY": f"City_{1 + draw(99)}", "STATE": f"State_{1 + draw(99)}", "ZIPCODE": 10000 + draw(90000)},
    }


def insert(row):
    address = row["ADDRESS"]
    return (
        "INSERT INTO ORDERS_RAW (ORDERID, ORDERTIME, ITEMID, ORDERUNITS, ADDRESS) VALUES "
        f"({row['ORDERID']}, {row['ORDERTIME']}, '{row['ITEMID']}', {row['ORDERUNITS']}E0, "
        f"STRUCT(CITY := '{address['CITY']}', STATE := '{address['STATE']}', ZIPCODE := {address['ZIPCODE']}));"
    )


def send(server, statements):
    request = urllib.request.Request(
        server.rstrip("/") + "/ksql",
        json.dumps({"ksql": statements, "streamsProperties": {}}).encode(),
        {"Content-Type": "application/vnd.ksql.v1+json", "Accept": "application/vnd.ksql.v1+json"},
    )
    urllib.request.urlopen(request).read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0, help="number of the first order")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--server", help="send the orders to this ksqlDB server")
    arguments = parser.parse_args()
    inserts = [insert(order(number)) for number in range(arguments.first, arguments.first + arguments.rows)]
    if not arguments.server:
        print("\n".join(inserts))
        return
    send(arguments.server, (Path(__file__).parent / "source.sql").read_text())
    for start in range(0, len(inserts), 50):
        send(arguments.server, "\n".join(inserts[start : start + 50]))


if __name__ == "__main__":
    main()
