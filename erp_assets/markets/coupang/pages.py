"""Lists that come in pages, and spans cut into slices of such lists (coupang.md §9)."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import httpx
import msgspec

from erp_assets.clock import Window
from erp_assets.errors import BadPayload
from erp_assets.markets import rows
from erp_assets.markets.client import ApiClient, streams_in_order
from erp_assets.markets.coupang import wire
from erp_assets.markets.coupang.answers import checked
from erp_assets.records import Batch, Rejected


class Repeated(BadPayload):
    """A list that names a mark which was followed before, or that does not end."""


class Listing(NamedTuple):
    """One list. take, number: as `rows.read_rows` wants them. mark: parameter of the next page."""

    kind: str
    path: str
    query: Mapping[str, str]
    take: Callable[[bytes, Batch], None]
    number: Callable[[bytes], str | None]
    mark: str = "nextToken"


class Pages:
    """Reads lists of one account.

    ahead: slices read at once. most_pages: how many pages of one list are followed.
    """

    def __init__(self, api: ApiClient, *, ahead: int, most_pages: int) -> None:
        """`api`: sends the calls."""
        self._api = api
        self._ahead = ahead
        self._most_pages = most_pages

    async def read(self, listing: Listing, seen: set[bytes]) -> AsyncIterator[Batch]:
        """Yield the pages of a list; a list that repeats itself is reported and ends.

        seen: digests of the rows yielded before; the same bytes are not yielded again.
        Raises: Repeated, after a batch that says so.
        """
        followed: set[str] = set()
        asked = dict(listing.query)

        def decode(response: httpx.Response) -> wire.Page:
            page = checked(response, wire.Page)
            if page.token in followed:
                raise Repeated(
                    f"page repeated: {listing.mark} {page.token[:60]!r} was followed before"
                )
            return page

        try:
            while True:
                page = await self._api.read("GET", listing.path, params=asked, decode=decode)
                fresh = _fresh(page.data, seen)
                yield rows.read_rows(listing.kind, fresh, listing.take, listing.number)
                if not page.token:
                    return
                followed.add(page.token)
                self._check_end(followed)
                asked[listing.mark] = page.token
        except Repeated as error:
            yield Batch(rejected=[Rejected(listing.kind, str(error), f"{listing.path} {asked}")])
            raise

    def _check_end(self, followed: set[str]) -> None:
        if len(followed) >= self._most_pages:
            raise Repeated(f"page after page: {len(followed)} were read and no end")

    async def by_slices(
        self, windows: Iterable[Window], lists: Callable[[Window], Sequence[Listing]]
    ) -> AsyncIterator[Batch]:
        """Yield every slice, oldest first, and in it list after list.

        A list that repeats itself keeps nothing else back, but from its slice on nothing is
        promised any more (`complete_until`).
        """
        broken: list[datetime] = []

        async def sliced(window: Window) -> AsyncIterator[Batch]:
            seen: set[bytes] = set()
            for listing in lists(window):
                try:
                    async for batch in self.read(listing, seen):
                        yield batch
                except Repeated:
                    broken.append(window.since)
            yield Batch(complete_until=window.until)

        streams = (sliced(window) for window in windows)
        async for batch in streams_in_order(streams, ahead=self._ahead):
            until = batch.complete_until
            if until is None or all(since >= until for since in broken):
                yield batch


def _fresh(found: Iterable[msgspec.Raw], seen: set[bytes]) -> Iterator[msgspec.Raw]:
    """Yield the rows not seen before: a receipt is in two lists, a page may come twice (§7.1)."""
    for row in found:
        digest = blake2b(row, digest_size=16).digest()
        if digest not in seen:
            seen.add(digest)
            yield row
