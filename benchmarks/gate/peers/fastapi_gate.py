"""The gate that one writes in an afternoon: compare, insert one row, answer."""

import os
import uuid
from contextlib import asynccontextmanager

from fastapi import FastAPI
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

TABLE = "CREATE TABLE IF NOT EXISTS decision (id uuid PRIMARY KEY, at timestamptz, allowed boolean, body jsonb)"
INSERT = "INSERT INTO decision VALUES (%s, now(), %s, %s)"
pool = AsyncConnectionPool(os.environ["DATABASE_URL"], min_size=8, max_size=8, open=False, kwargs={"autocommit": True})


class Decision(BaseModel):
    external_id: str
    policy_key: str
    decision: dict


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with pool, pool.connection() as connection:
        await connection.execute(TABLE)
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/readyz")
async def ready() -> dict:
    return {}


@app.post("/decisions")
async def decide(decision: Decision) -> dict:
    identity, allowed = uuid.uuid4(), decision.decision["confidence"] >= 0.7
    async with pool.connection() as connection:
        await connection.execute(INSERT, (identity, allowed, Jsonb(decision.model_dump())), prepare=True)
    return {"decision_id": str(identity), "verdict": "allow" if allowed else "block"}
