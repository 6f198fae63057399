"""A masking application for Maskline: what becomes of a call is answered in voice XML.

Numbers are E.164 digits without a plus, as Maskline sends them. The table is in numbers.json (or the file that
MASKING_NUMBERS names); requests are verified where MASKLINE_SECRET has the `[webhooks] secret` of Maskline's settings.
"""

import hashlib
import hmac
import json
import logging
import os
import time
from pathlib import Path
from typing import Annotated
from xml.sax.saxutils import escape, quoteattr

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from starlette.datastructures import FormData

TABLE = json.loads(Path(os.environ.get("MASKING_NUMBERS", Path(__file__).with_name("numbers.json"))).read_text())
SECRET = os.environ.get("MASKLINE_SECRET", "").encode()
OLDEST = 300  # seconds that a request may have been on its way
ATTEMPTS = 3  # at a PIN

app = FastAPI()
log = logging.getLogger("uvicorn.error")


def is_signed(header: str, method: str, url: str, body: bytes) -> bool:
    """Whether `t=SECONDS,v1=HEX` is the HMAC-SHA256 of `t.method.url.body`, made a short while ago."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    seconds = parts.get("t", "")
    if not seconds.isdecimal() or abs(time.time() - int(seconds)) > OLDEST:
        return False
    digest = hmac.new(SECRET, f"{seconds}.{method}.{url}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(digest.encode(), parts.get("v1", "").encode())


async def verified(request: Request) -> FormData:
    """The parameters of a request that comes from Maskline."""
    body = await request.body()
    header = request.headers.get("Maskline-Signature", "")
    if SECRET and not is_signed(header, request.method, str(request.url), body):
        raise HTTPException(403)
    return await request.form()


Call = Annotated[FormData, Depends(verified)]


def xml(*elements: str) -> Response:
    return Response(f"<Response>{''.join(elements)}</Response>", media_type="application/xml")


def speak(text: str) -> str:
    return f"<Speak>{escape(text)}</Speak>"


def dial(destination: str, show: str) -> str:
    return (
        f"<Dial callerId={quoteattr(show)} timeout=\"30\" action=\"/dial-status\">"
        f"<Number>{escape(destination)}</Number></Dial>"
    )


def ask_for_pin(attempt: int, said: str) -> Response:
    """Four digits go to /pin; so does a caller who presses nothing, without any."""
    action = f"/pin?attempt={attempt}"
    return xml(
        f'<Gather action="{action}" numDigits="4" executionTimeout="10">{speak(said)}</Gather>',
        f"<Redirect>{action}</Redirect>",
    )


@app.post("/answer")
async def answer(call: Call) -> Response:
    """A call comes in: the two parties of a row are connected, the PIN number asks, nobody else gets through."""
    if call["To"] == TABLE["pin_number"]:
        return ask_for_pin(1, "Please enter your four digit code.")
    for row in TABLE["rows"]:
        if (call["From"], call["To"]) == (row["caller"], row["dialled"]):
            return xml(dial(row["destination"], row["show"]))
    return xml('<Hangup reason="rejected"/>')


@app.post("/pin")
async def pin(call: Call, attempt: int) -> Response:
    """The code was entered: its party is called, or the caller tries again."""
    destination = TABLE["pins"].get(call.get("Digits"))
    if destination:
        return xml(speak("Thank you. You are being connected."), dial(destination, TABLE["pin_number"]))
    if attempt < ATTEMPTS:
        return ask_for_pin(attempt + 1, "This code is not known. Please enter your four digit code.")
    return xml(speak("This code is not known. Goodbye."), "<Hangup/>")


@app.post("/dial-status")
async def dial_status(call: Call) -> Response:
    """The party that was called is gone, or never came."""
    if call["DialStatus"] == "completed":
        return xml("<Hangup/>")
    return xml(speak("Nobody answered. Please try again later."), "<Hangup/>")


@app.post("/hangup")
async def hangup(call: Call) -> Response:
    """The call is over: logged without a number."""
    log.info("call %s: %s after %s s", call["CallUUID"], call["HangupCause"], call["Duration"])
    return Response(status_code=204)
