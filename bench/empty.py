"""What FastAPI can do when there is nothing to do."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def nothing() -> dict[str, bool]:
    return {"ok": True}


@app.post("/")
async def nothing_posted() -> dict[str, bool]:
    return {"ok": True}
