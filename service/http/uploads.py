"""A photo and its options out of a request's body: a form, or the photo's bytes alone."""

import asyncio
import re

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message, Scope

from service.http.problems import Problem
from service.settings import Settings

FIELD = "image"
# Of a form: the photo, and a few more than there are options, which are refused by name.
MAX_FILES, MAX_FIELDS = 2, 20
_CHARSET = re.compile(rb";\s*charset\s*=[^;]*", re.IGNORECASE)
HOW = (
    "send the photo as a file in the multipart form field 'image', or its bytes alone with a "
    "Content-Type such as image/jpeg"
)


class UploadMemory:
    """Counts the bytes of uploads that are held, of all requests together."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held = 0


class Upload:
    """The bytes of a photo, until it is decoded, and the options sent with it."""

    def __init__(self, memory: UploadMemory) -> None:
        self.data = b""
        self.options: list[tuple[str, str]] = []
        self._memory = memory
        self._bytes = 0

    def count(self, arrived: int) -> None:
        """Raises Problem `overloaded` if other uploads leave no memory for it."""
        self._bytes += arrived
        self._memory.held += arrived
        if self._memory.held > self._memory.max_bytes:
            raise Problem(
                "overloaded",
                "the uploads that are arriving take all the memory there is for them; try again "
                "in a moment",
                headers={"Retry-After": "1"},
            )

    def take(self) -> bytes:
        """The bytes, which are not kept here any longer."""
        data, self.data = self.data, b""
        return data

    def free(self) -> None:
        """Count its bytes no longer."""
        self._memory.held -= self._bytes
        self._bytes, self.data = 0, b""


async def receive(request: Request, settings: Settings, memory: UploadMemory) -> Upload:
    """Read the body of a request.

    Raises Problem, and ClientDisconnect when the client disconnects before the body is complete.
    """
    upload = Upload(memory)

    async def counted() -> Message:
        message = await request.receive()
        upload.count(len(message.get("body", b"")))
        return message

    try:
        async with asyncio.timeout(settings.receive_seconds):
            await _read(Request(_without_charset(request.scope), counted), upload)
        if len(upload.data) > settings.max_bytes:
            raise too_many_bytes(settings.max_bytes)
    except TimeoutError:
        upload.free()
        raise Problem(
            "body_too_slow",
            f"the upload was not complete after {settings.receive_seconds:g} seconds; send a "
            "smaller photo",
            headers={"Connection": "close"},
        ) from None
    except BaseException:
        upload.free()
        raise
    return upload


async def _read(request: Request, upload: Upload) -> None:
    query = request.query_params.multi_items()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        form = await _form(request)
        try:
            upload.data = await _photo(form)
            upload.options = _options(form)
        finally:
            await form.close()
        if query and upload.options:
            raise Problem(
                "invalid_option", "send the options in the query or in the form, not in both"
            )
    else:
        upload.data = await request.body()
        if _is_no_photo(content_type, upload.data):
            raise Problem("image_missing", HOW)
    upload.options = upload.options or query


async def _form(request: Request) -> FormData:
    """Raises Problem `malformed_request`, `too_many_images` and `image_missing`."""
    try:
        return await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS)
    except Problem:
        raise
    except HTTPException as error:
        # Starlette has no types for them; tests fail once it words them differently.
        if str(error.detail).startswith("Too many files"):
            raise too_many_images() from None
        if str(error.detail).startswith("Part exceeded"):  # a megabyte that is not sent as a file
            raise Problem("image_missing", f"a field is too long; {HOW}") from None
        raise


def _without_charset(scope: Scope) -> Scope:
    """A request whose form is read as UTF-8.

    RFC 7578 gives a form no `charset`; of those that Python knows, some decode to what cannot be
    written into an answer, and one fails.
    """
    headers = [
        (name, _CHARSET.sub(b"", value) if name == b"content-type" else value)
        for name, value in scope["headers"]
    ]
    return {**scope, "headers": headers}


async def _photo(form: FormData) -> bytes:
    """The bytes of the one file. Raises Problem `image_missing` and `too_many_images`."""
    images = form.getlist(FIELD)
    if len(images) > 1:
        raise too_many_images()
    if images and isinstance(images[0], UploadFile):
        return await images[0].read()
    files = [name for name, each in form.multi_items() if isinstance(each, UploadFile)]
    if files:
        raise Problem("image_missing", f"the file came in the field '{files[0]}'; {HOW}")
    raise Problem("image_missing", HOW)


def _options(form: FormData) -> list[tuple[str, str]]:
    """The fields beside the photo. Raises Problem `invalid_option`."""
    options = []
    for name, value in form.multi_items():
        if name == FIELD:
            continue
        if isinstance(value, UploadFile):
            raise Problem("invalid_option", f"{name}: send it as a field, not as a file")
        options.append((name, value))
    return options


def _is_no_photo(content_type: str, data: bytes) -> bool:
    """Whether a body holds JSON, the fields of a form, or nothing.

    curl announces whatever it sends as a form, unless it is told another type.
    """
    if not data:
        return not content_type.startswith(("image/", "application/octet-stream"))
    if content_type == "application/x-www-form-urlencoded":
        return all(9 <= byte <= 126 for byte in data[:32])
    return content_type == "application/json"


def too_many_images() -> Problem:
    return Problem("too_many_images", "send one image a request")


def too_many_bytes(max_bytes: int) -> Problem:
    return Problem(
        "too_many_bytes",
        f"the image file is larger than {max_bytes:,} bytes; send a smaller one",
    )
