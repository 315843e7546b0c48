"""What every part of Naver's API shares, and the small answers: token, account, verdicts."""

import msgspec

Id = int | str
NO_OPTION = "0"


class Grant(msgspec.Struct):
    """A token (§2.1)."""

    access_token: str
    expires_in: float


class Store(msgspec.Struct, rename="camel"):
    """The account behind the application (§6)."""

    account_id: str


class FailInfo(msgspec.Struct, rename="camel"):
    """A line that a write refused (§5.6)."""

    product_order_id: Id
    code: Id | None = None
    message: str | None = None


class SuccessInfo(msgspec.Struct, rename="camel"):
    """A line that was confirmed; its buyer may have moved meanwhile."""

    product_order_id: Id
    is_receiver_address_changed: bool | None = None


class Outcome(msgspec.Struct, rename="camel"):
    """What a write did, line by line; any list may be missing."""

    success_product_order_infos: list[SuccessInfo] | None = None
    success_product_order_ids: list[Id] | None = None
    fail_product_order_infos: list[FailInfo] | None = None


class Written(msgspec.Struct):
    """The answer of a write of lines."""

    data: Outcome | None = None
