"""A made-up mesh, and what people look for in it: 60 queries with the product that answers them, written before the ranking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from records import value

PRODUCTS: dict[str, dict[str, Any]] = {
    "airport-operations/departures": {
        "title": "Departures",
        "purpose": "Departures from New York's three airports, as they were scheduled and as they happened.",
        "columns": {"scheduled_departure": "When the flight was due to leave the gate.", "carrier": "Code of the airline.", "origin": ("Airport of departure.", ["EWR", "JFK", "LGA"]), "departure_delay_minutes": "Minutes from scheduled to actual departure.", "cancelled": "Whether the flight never left."},
        "tags": ["flights"], "team": "Airport Operations",
    },
    "airport-operations/arrivals": {
        "title": "Arrivals",
        "purpose": "When flights landed, at which gate, and how long passengers waited for their bags.",
        "columns": {"landed_at": "When the wheels touched the runway.", "gate": "Where it parked.", "baggage_wait_minutes": "Minutes until the last suitcase was on the belt.", "destination": ("Airport of arrival.", ["BOS", "ORD", "SFO"])},
        "tags": ["flights"], "team": "Airport Operations",
    },
    "airport-operations/security-queues": {
        "title": "Security queues",
        "purpose": "How long people stand in line at each checkpoint, every five minutes.",
        "columns": {"checkpoint": "Where it was measured.", "waiting_minutes": "Median time in line.", "lanes_open": "Lanes with staff."},
        "tags": ["passengers"], "team": "Airport Operations",
    },
    "fleet-management/aircraft": {
        "title": "Aircraft register",
        "purpose": "Every aircraft that the group owns or leases, with its maker, model and number of seats.",
        "columns": {"tail_number": "Registration of the aircraft.", "manufacturer": ("Who built it.", ["AIRBUS", "BOEING", "EMBRAER"]), "seats": "Seats that it has.", "year_built": "Year of its first flight."},
        "tags": ["fleet", "reference-data"], "team": "Fleet",
    },
    "fleet-management/aircraft-utilisation": {
        "title": "Aircraft utilisation",
        "purpose": "How many hours each aircraft flew on each day, and how many seats it offered.",
        "columns": {"tail_number": "Registration of the aircraft.", "hours_flown": "Hours in the air.", "seats_offered": "Seats on all its flights of the day."},
        "tags": ["fleet"], "team": "Fleet", "reads": "dp:airport-operations/departures#lake",
    },
    "fleet-management/maintenance-visits": {
        "title": "Maintenance visits",
        "purpose": "What was repaired or replaced on which aircraft, when, and how long it stood in the hangar.",
        "columns": {"tail_number": "Registration of the aircraft.", "part_number": "What was replaced.", "hangar_days": "Days out of service.", "cause": ("Why it came in.", ["planned", "bird strike", "engine", "landing gear"])},
        "tags": ["fleet"], "team": "Engineering",
    },
    "fleet-management/fuel-uplift": {
        "title": "Fuel uplift",
        "purpose": "Litres of kerosene taken on board before each flight, and what a litre cost.",
        "columns": {"litres": "Kerosene taken on board.", "price_per_litre": "In euros.", "supplier": "Who delivered it."},
        "tags": ["sustainability"], "team": "Fleet",
    },
    "customer-experience/punctuality": {
        "title": "Punctuality",
        "purpose": "Share of departures within fifteen minutes of schedule, by airline and day.",
        "columns": {"carrier": "Code of the airline.", "on_time_share": "Departures within fifteen minutes, in percent.", "mean_delay_minutes": "Average lateness of all departures."},
        "tags": ["punctuality"], "team": "Customer Experience", "reads": "dp:airport-operations/departures#lake",
    },
    "customer-experience/airline-scorecards": {
        "title": "Airline scorecards",
        "purpose": "Each airline's share of punctual and of cancelled departures, and its place among the others.",
        "columns": {"airline": "Name of the airline.", "place": "Position among all airlines.", "cancelled_share": "Percent that never left."},
        "tags": ["league-table"], "team": "Customer Experience", "reads": "dp:customer-experience/punctuality#lake",
    },
    "customer-experience/complaints": {
        "title": "Complaints",
        "purpose": "What customers complained about, by letter, telephone and web form, and how each case ended.",
        "columns": {"received_at": "When it arrived.", "topic": ("What it is about.", ["refund", "lost luggage", "rude staff", "meal"]), "compensation_eur": "What was paid."},
        "tags": ["customers"], "team": "Customer Care",
    },
    "customer-experience/surveys": {
        "title": "Satisfaction surveys",
        "purpose": "Answers of travellers who were asked how likely they are to recommend us.",
        "columns": {"net_promoter_score": "From -100 to 100.", "comment": "In their own words.", "answered_on": "Day of the answer."},
        "tags": ["nps", "customers"], "team": "Customer Experience",
    },
    "loyalty/members": {
        "title": "Loyalty members",
        "purpose": "People in the frequent flyer programme, with their tier and the miles on their account.",
        "columns": {"member_id": "Number on the card.", "tier": ("Level in the programme.", ["silver", "gold", "platinum"]), "miles_balance": "Miles that can be spent.", "email": "Where we write to."},
        "tags": ["crm"], "team": "Loyalty",
    },
    "loyalty/redemptions": {
        "title": "Mile redemptions",
        "purpose": "What members bought with their miles: flights, upgrades and gifts.",
        "columns": {"member_id": "Number on the card.", "reward": "What was bought.", "miles_spent": "Miles taken off the account."},
        "tags": ["crm"], "team": "Loyalty", "reads": "dp:loyalty/members#lake",
    },
    "sales/bookings": {
        "title": "Ticket bookings",
        "purpose": "Every ticket that was sold, with its fare, channel and cabin.",
        "columns": {"booked_at": "When it was bought.", "fare_eur": "What was paid.", "channel": ("Where it was sold.", ["web", "app", "travel agency", "call centre"]), "cabin": "Economy, premium or business."},
        "tags": ["tickets"], "team": "Sales",
    },
    "sales/revenue-by-route": {
        "title": "Income by route",
        "purpose": "Turnover of each route and month, and the profit after fuel, fees and crew.",
        "columns": {"route": "From and to.", "sales_eur": "Money taken.", "margin_percent": "Profit of each euro taken."},
        "tags": ["finance"], "team": "Revenue Management", "reads": "dp:sales/bookings#lake",
    },
    "sales/ancillaries": {
        "title": "Ancillary sales",
        "purpose": "Extras sold beside the ticket: bags, seat choice, lounge and wifi.",
        "columns": {"extra": ("What was sold.", ["checked bag", "seat choice", "lounge", "wifi"]), "price_eur": "What was paid."},
        "tags": ["tickets"], "team": "Sales",
    },
    "sales/promo-codes": {
        "title": "Promotion codes",
        "purpose": "Vouchers and discounts of campaigns, and how often each was used.",
        "columns": {"code": "What customers type.", "discount_percent": "Reduction of the fare.", "times_used": "Number of bookings with it."},
        "tags": ["marketing"], "team": "Marketing",
    },
    "marketing/web-visits": {
        "title": "Website visits",
        "purpose": "Pages seen by visitors of the web shop, and whether they bought.",
        "columns": {"session": "One visit.", "page": "What was seen.", "converted": "Whether it ended in a purchase."},
        "tags": ["clickstream"], "team": "Marketing",
    },
    "marketing/newsletters": {
        "title": "Newsletter sendings",
        "purpose": "Which mailing went to how many people, and how many opened it.",
        "columns": {"mailing": "Its name.", "recipients": "People who got it.", "opened": "People who read it."},
        "tags": ["campaigns"], "team": "Marketing",
    },
    "people/employees": {
        "title": "Workforce",
        "purpose": "Everyone who works for the group: job, location, contract and start.",
        "columns": {"employee_id": "Personnel number.", "job_title": "What they do.", "hired_on": "First day.", "salary_band": "Pay grade."},
        "tags": ["hr"], "team": "Human Resources",
    },
    "people/crew-rosters": {
        "title": "Crew rosters",
        "purpose": "Which pilots and cabin crew fly which flight, and when they rest.",
        "columns": {"crew_member": "Personnel number.", "role": ("On board.", ["captain", "first officer", "purser", "cabin crew"]), "duty_start": "When the shift begins.", "rest_hours": "Hours until the next shift."},
        "tags": ["rostering"], "team": "Crew Planning", "reads": "dp:people/employees#lake",
    },
    "people/sick-leave": {
        "title": "Absences",
        "purpose": "Days on which people were ill or on leave, without the reason.",
        "columns": {"employee_id": "Personnel number.", "first_day": "Begin.", "last_day": "End."},
        "tags": ["hr"], "team": "Human Resources",
    },
    "people/training": {
        "title": "Training records",
        "purpose": "Courses and licences of pilots, crew and engineers, and when they run out.",
        "columns": {"course": "What was learned.", "valid_until": "Last day of the licence."},
        "tags": ["hr", "safety"], "team": "Training",
    },
    "finance/invoices": {
        "title": "Supplier invoices",
        "purpose": "What suppliers billed us, when it is due, and when it was paid.",
        "columns": {"vendor": "Who sent the bill.", "amount_eur": "What is owed.", "due_on": "Last day to pay.", "paid_on": "Day of payment."},
        "tags": ["accounts-payable"], "team": "Accounting",
    },
    "finance/exchange-rates": {
        "title": "Exchange rates",
        "purpose": "Price of one euro in other currencies at the end of each day.",
        "columns": {"currency": ("ISO 4217 code.", ["USD", "GBP", "CHF", "JPY"]), "rate": "Units for one euro."},
        "tags": ["reference-data"], "team": "Treasury",
    },
    "finance/budget": {
        "title": "Budget and forecast",
        "purpose": "Planned costs and income of each department, and what is expected for the rest of the year.",
        "columns": {"cost_centre": "Department.", "planned_eur": "As decided in autumn.", "expected_eur": "As of today."},
        "tags": ["planning"], "team": "Controlling",
    },
    "cargo/shipments": {
        "title": "Freight shipments",
        "purpose": "Air waybills: what was shipped, from whom to whom, and how heavy it was.",
        "columns": {"waybill": "Number of the shipment.", "weight_kg": "Gross weight.", "goods": ("Kind of goods.", ["perishables", "pharma", "live animals", "electronics"])},
        "tags": ["logistics"], "team": "Cargo",
    },
    "cargo/warehouse-stock": {
        "title": "Warehouse stock",
        "purpose": "What lies in which shelf of the cargo terminal, counted every night.",
        "columns": {"shelf": "Place.", "pieces": "How many.", "counted_at": "When."},
        "tags": ["inventory"], "team": "Cargo",
    },
    "environment/emissions": {
        "title": "Emissions",
        "purpose": "Tonnes of carbon dioxide of each flight, computed from the fuel that it burned.",
        "columns": {"co2_tonnes": "Carbon dioxide.", "passengers": "People on board."},
        "tags": ["sustainability", "esg"], "team": "Sustainability", "reads": "dp:fleet-management/fuel-uplift#lake",
    },
    "environment/noise": {
        "title": "Noise measurements",
        "purpose": "Loudness at microphones around the runways, with the aircraft that caused it.",
        "columns": {"microphone": "Where.", "decibels": "How loud at most.", "tail_number": "Aircraft overhead."},
        "tags": ["sustainability"], "team": "Sustainability",
    },
    "weather/forecasts": {
        "title": "Weather at airports",
        "purpose": "Wind, visibility, temperature and rain at each airport, observed every hour and predicted for two days.",
        "columns": {"station": "Airport.", "wind_knots": "Speed of the wind.", "visibility_m": "How far one sees.", "is_forecast": "Whether it is a prediction."},
        "tags": ["external"], "team": "Operations Control",
    },
    "safety/incidents": {
        "title": "Safety incidents",
        "purpose": "Reports of accidents and near misses in the air and on the ground.",
        "columns": {"reported_at": "When.", "severity": ("How bad.", ["minor", "serious", "fatal"]), "narrative": "What happened."},
        "tags": ["safety"], "team": "Safety",
    },
}  # fmt: skip

SYNONYMS = [["plane", "aeroplane", "airplane", "aircraft"], ["luggage", "baggage", "bag", "suitcase"]]
"""The organisation's own, as an operator gives them to `meshwright catalog serve`."""

QUERIES: list[tuple[str, str]] = [
    ("delays", "airport-operations/departures customer-experience/punctuality"),
    ("planes", "fleet-management/aircraft"),
    ("cancellations", "airport-operations/departures customer-experience/airline-scorecards"),
    ("JFK", "airport-operations/departures"),
    ("utilization", "fleet-management/aircraft-utilisation"),
    ("revenue", "sales/revenue-by-route"),
    ("departure", "airport-operations/departures"),
    ("arrival times", "airport-operations/arrivals"),
    ("lost luggage", "customer-experience/complaints"),
    ("waiting for bags", "airport-operations/arrivals"),
    ("queue at security", "airport-operations/security-queues"),
    ("airbus", "fleet-management/aircraft"),
    ("tail number register", "fleet-management/aircraft"),
    ("repairs", "fleet-management/maintenance-visits"),
    ("bird strike", "fleet-management/maintenance-visits"),
    ("hangar", "fleet-management/maintenance-visits"),
    ("kerosene prices", "fleet-management/fuel-uplift"),
    ("fuel", "fleet-management/fuel-uplift"),
    ("on time performance", "customer-experience/punctuality"),
    ("ranking of airlines", "customer-experience/airline-scorecards"),
    ("refunds", "customer-experience/complaints"),
    ("customer complaint", "customer-experience/complaints"),
    ("NPS", "customer-experience/surveys"),
    ("how likely customers recommend us", "customer-experience/surveys"),
    ("frequent flyers", "loyalty/members"),
    ("gold tier", "loyalty/members"),
    ("miles spent", "loyalty/redemptions"),
    ("upgrades bought with miles", "loyalty/redemptions"),
    ("tickets sold", "sales/bookings"),
    ("booking", "sales/bookings"),
    ("travel agencies", "sales/bookings"),
    ("profit margin", "sales/revenue-by-route"),
    ("wifi", "sales/ancillaries"),
    ("seat choice", "sales/ancillaries"),
    ("discounts", "sales/promo-codes"),
    ("vouchers", "sales/promo-codes"),
    ("website conversion", "marketing/web-visits"),
    ("clickstream", "marketing/web-visits"),
    ("email campaigns opened", "marketing/newsletters"),
    ("staff", "people/employees people/crew-rosters"),
    ("salaries", "people/employees"),
    ("pilots", "people/crew-rosters people/training"),
    ("captains", "people/crew-rosters"),
    ("crew roster", "people/crew-rosters"),
    ("illness", "people/sick-leave"),
    ("sick days", "people/sick-leave"),
    ("expiring licences", "people/training"),
    ("unpaid invoices", "finance/invoices"),
    ("suppliers", "finance/invoices fleet-management/fuel-uplift"),
    ("USD", "finance/exchange-rates"),
    ("currency", "finance/exchange-rates"),
    ("buget", "finance/budget"),
    ("forecast of costs", "finance/budget"),
    ("freight", "cargo/shipments"),
    ("inventory", "cargo/warehouse-stock"),
    ("CO2", "environment/emissions"),
    ("carbon footprint", "environment/emissions"),
    ("noise near runway", "environment/noise"),
    ("wind speed", "weather/forecasts"),
    ("accidents", "safety/incidents"),
]
"""What somebody types, and the products that answer it: any of them first is right."""


def records() -> Iterator[dict[str, Any]]:
    """Yield the records' values."""
    for id, one in PRODUCTS.items():
        kind = "consumer-oriented" if "reads" in one else "source-oriented"
        record = value(id, kind, reads=one.get("reads"), product__metadata__title=one["title"], product__spec__description__purpose=one["purpose"])  # fmt: skip
        record["product"]["spec"]["description"] |= {
            "usage": "As described.",
            "limitations": "None that are known.",
        }
        record["product"]["spec"]["owner"]["team"] = one["team"]
        record["product"]["spec"]["owner"]["name"] = f"{one['team']} lead"
        record["product"]["spec"]["useCases"] = []
        record["contract"]["tags"] = one["tags"]
        record["contract"]["description"] = {"purpose": one["purpose"]}
        (table,) = record["contract"]["schema"]
        table["description"] = one["purpose"]
        table["quality"] = []
        template = table["properties"][0]
        table["properties"] = [_column(template, *column) for column in one["columns"].items()]
        record["product"]["spec"]["serviceLevels"] = [
            {"name": "fresh", "indicator": "freshness", "objective": "<= 24h"}
        ]
        yield record


def _column(template: dict[str, Any], name: str, said: Any) -> dict[str, Any]:
    description, values = said if isinstance(said, tuple) else (said, [])
    column = {"name": name, "logicalType": "string", "classification": "internal", "description": description}
    if values:
        column["quality"] = [
            {"type": "library", "metric": "invalidValues", "arguments": {"validValues": values}, "mustBe": 0}
        ]
    return column
