"""Routes of programs: the kinds of cards a merchant offers."""

from __future__ import annotations

from typing import Final

from litestar import get, patch, post
from litestar.params import FromPath

from walletd.domain import errors
from walletd.domain.merchants.principals import Right
from walletd.web.api.cards.answers import ProgramAnswer, program_answer
from walletd.web.api.cards.examples import PROGRAM_CHANGE, PROGRAM_NEW
from walletd.web.api.cards.requests import ProgramChange, ProgramNew
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import PROGRAM
from walletd.web.api.reading import body_of, name_in_path, page_of, services_of
from walletd.web.api.replies import Reply, json_reply, page_reply

CREATE: Final = Endpoint(
    "Create a program",
    right=Right.PROGRAMS_WRITE,
    status=201,
    body=ProgramNew,
    answer=ProgramAnswer,
    errors=(errors.TemplateInvalid,),
    example_body=PROGRAM_NEW,
    example=PROGRAM,
)
LIST: Final = Endpoint("List programs", right=Right.CARDS_READ, answer=ProgramAnswer, paged=True, example=PROGRAM)
READ: Final = Endpoint("Read a program", right=Right.CARDS_READ, answer=ProgramAnswer, example=PROGRAM)
CHANGE: Final = Endpoint(
    "Change a program",
    right=Right.PROGRAMS_WRITE,
    body=ProgramChange,
    answer=ProgramAnswer,
    example_body=PROGRAM_CHANGE,
    example=PROGRAM,
)


@post("/programs", opt={OPT: CREATE})
async def create_program(request: ApiRequest) -> Reply:
    """Create a program of one of the kinds; everything but kind and name has a sensible default."""
    new = (await body_of(request, ProgramNew)).as_domain()
    program = await services_of(request).programs.create(request.auth, new)
    return json_reply(program_answer(program), 201)


@get("/programs", opt={OPT: LIST})
async def list_programs(request: ApiRequest) -> Reply:
    """Return the merchant's programs, page by page."""
    page = await services_of(request).programs.list(request.auth, page_of(request))
    return page_reply(page, program_answer)


@get("/programs/{program_id:str}", opt={OPT: READ})
async def read_program(request: ApiRequest, program_id: FromPath[str]) -> Reply:
    """Return one program with all rules of its kind."""
    program = await services_of(request).programs.get(request.auth, name_in_path(program_id))
    return json_reply(program_answer(program))


@patch("/programs/{program_id:str}", opt={OPT: CHANGE})
async def change_program(request: ApiRequest, program_id: FromPath[str]) -> Reply:
    """Change the name or rules of a program; every card of it is drawn anew where that shows."""
    change = await body_of(request, ProgramChange)
    program = await services_of(request).programs.update(
        request.auth, name_in_path(program_id), name=change.name, rules=change.rules
    )
    return json_reply(program_answer(program))
