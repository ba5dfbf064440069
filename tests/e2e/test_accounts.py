"""Accounts of the vault in the window, on real twins: opened, locked, marked, closed. What a trader does and sees."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit

from app.account_desk import Phase, remembered_accounts
from app.config import AccountsConfig, Config, Paths
from app.connectors.order_sender import OrderSender
from app.connectors.trading import OrderRefused
from app.core.errors import ErrorKind
from app.core.order_state import OrderFlag, OrderState
from app.core.requests import VenueError
from app.core.trading_rule import OrderDraft
from app.core.types import OrderType, Side
from app.credentials.account_info import Lock
from app.credentials.consent import CONSENT
from app.credentials.core_dumps import _PR_SET_DUMPABLE, forbid_core_dumps
from app.credentials.system_keyring import KeyringState
from app.store.paper_journal import drop_paper_journal
from app.twin_process import TwinLine, TwinProcess
from app.ui import actions
from app.ui.application import prepare
from app.ui.dialogs.accept_rights import AcceptRightsDialog
from app.ui.dialogs.add_account import AddAccountDialog
from app.ui.dialogs.change_password import ChangePasswordDialog
from app.ui.dialogs.exchanges import ExchangesDialog
from app.ui.dialogs.remove_account import RemoveAccountDialog
from app.ui.dialogs.unlock_vault import UnlockVaultDialog
from tests.lab.desk import Play, column, texts
from tests.lab.vault_desk import PASSWORD, VaultDesk, press, reachable, real_looking
from tests.until import until

PAIR = "BTC-USDT"
Twin = Callable[..., TwinLine]


@pytest.fixture
def twin() -> Iterator[Twin]:
    """Starts twins that end with the test; `twin.process(line)` is not needed but for killing one."""
    with ExitStack() as ends:

        def start(exchange: str = "poloniex", **options: object) -> TwinLine:
            process = TwinProcess(exchange, **options)  # type: ignore[arg-type]
            ends.callback(process.stop)
            return process.read_line()

        yield start


def draft(desk: VaultDesk, label: str, pair: str = PAIR) -> OrderDraft:
    """A small buy order that rests."""
    exchange = desk.exchange(label)
    book = exchange.order_books[pair]
    mid = book.mid
    assert mid is not None
    rule = exchange.trading_rules[pair]
    size = max(rule.min_order_size, rule.min_notional_size / mid, rule.min_base_amount_increment) * 4
    order = OrderDraft(pair=pair, side=Side.BUY, type=OrderType.LIMIT, price=mid * 9 / 10, amount=size)
    return exchange.quantize(order)


def calls(desk: VaultDesk, method: str) -> list[str]:
    """Paths of all REST requests of that method that left."""
    log = desk.workspace.log
    frames = (log.get(seq) for seq in range(log.first_seq, log.last_seq + 1))
    return [frame.path for frame in frames if frame is not None and frame.method == method and frame.direction == "out"]


def test_two_kept_accounts_are_unlocked_and_trade_side_by_side(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        desk = VaultDesk(tmp_path)
        await desk.keep("desk 1", twin(seed=5))
        await desk.keep("desk2", twin(seed=6))
        desk.open()
        try:
            desk.accounts.open_remembered(("desk 1", "desk2"))
            # Market data does not wait for the password.
            await until(lambda: desk.window.market is not None and desk.book() == "live", 20, "public data")
            assert desk.window.market == ("poloniex:desk 1", PAIR)
            assert desk.strips() == "LOCKED: desk 1, desk2 · market data goes on, no order can be sent"
            await until(
                lambda: desk.form() == "LOCKED: unlock the accounts to trade (Ctrl+L).", what="the form's words"
            )
            with pytest.raises(OrderRefused, match="LOCKED"):
                desk.exchange("desk 1").buy(PAIR, 1)  # type: ignore[arg-type]
            await desk.unlock()
            await desk.ready("desk 1", "desk2")
            assert desk.strips() == "" and desk.form() == ""
            for label in ("desk 1", "desk2"):
                exchange = desk.exchange(label)
                key = exchange.submit(draft(desk, label))
                await until(lambda n=label, k=key: desk.state(n, k) is OrderState.OPEN)  # type: ignore[misc]
            await until(lambda: len(column(desk.window.open_orders, "State")) == 2, what="one table of both")
            assert sorted(column(desk.window.open_orders, "Account")) == ["Poloniex desk 1", "Poloniex desk2"]
            both = sum(desk.exchange(label).balances["USDT"].total for label in ("desk 1", "desk2"))

            def heads() -> list[Decimal]:
                return [row.total for row in desk.window.balances.model.shown if row.head and row.asset == "USDT"]

            await until(lambda: heads() == [both], what="the sum of both", seen=heads)
            # Balances: by asset, then by account.
            assets = column(desk.window.balances, "Asset")
            assert assets.count("USDT") == 1 and len(column(desk.window.balances, "Account")) > 2 * 2
            assert desk.window.top._kind.text() == "LAB" and desk.window.contentsMargins().left() == 4
            assert desk.leaks() == []
        finally:
            await desk.close()
        assert remembered_accounts(Paths(tmp_path)) == ("desk 1", "desk2")

    play(story())


def test_money_of_a_lab_never_adds_to_real_money(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        line = twin(seed=5)
        desk = VaultDesk(tmp_path, exchanges=real_looking(line))
        await desk.keep("real", line, domain="main")
        await desk.keep("lab", twin(seed=6))
        desk.open()
        try:
            desk.accounts.open_remembered()
            await until(lambda: desk.accounts.locked)
            await desk.unlock()
            await desk.ready("real", "lab")
            assert (desk.exchange("real").kind, desk.exchange("lab").kind) == ("LIVE", "LAB")
            balances = desk.window.balances
            await until(lambda: "paper not included" in balances.sum.text(), what="the total")
            totals = {
                paper: desk.exchange(name).balances["USDT"].total for paper, name in ((False, "real"), (True, "lab"))
            }

            def heads() -> dict[bool, Decimal]:
                return {row.paper: row.total for row in balances.model.shown if row.head and row.asset == "USDT"}

            await until(lambda: heads() == totals, what="a sum of each kind", seen=heads)
            assert desk.window.status.mode.text() == "LIVE + LAB"
        finally:
            await desk.close()

    play(story())


def test_locking_forgets_the_keys_and_unlocking_brings_the_orders_back(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        desk = VaultDesk(tmp_path)
        await desk.keep("desk 1", twin(seed=5))
        desk.open()
        try:
            desk.accounts.open("desk 1")
            await until(lambda: desk.accounts.locked)
            await desk.unlock()
            await desk.ready("desk 1")
            exchange = desk.exchange("desk 1")
            key = exchange.submit(draft(desk, "desk 1"))
            await until(lambda: desk.state("desk 1", key) is OrderState.OPEN, what="an open order")
            assert desk.held(), "the walk finds keys that are there"
            desk.act("Lock now, or unlock…")
            # At once, before anything was disconnected.
            with pytest.raises(OrderRefused, match="LOCKED"):
                exchange.submit(draft(desk, "desk 1"))
            await until(lambda: not desk.exchange("desk 1").has_account, what="public data only")
            del exchange
            await until(lambda: desk.held() == [], what="no key within reach")
            assert "locked by you: keys are forgotten" in desk.workspace.notices.items[-1].text
            sent = len(calls(desk, "POST"))
            await until(lambda: desk.book() == "live" and desk.exchange("desk 1").order_books[PAIR].version > 5)
            assert desk.form().startswith("LOCKED") and len(calls(desk, "POST")) == sent
            await desk.unlock()
            await desk.ready("desk 1")
            assert desk.state("desk 1", key) is OrderState.OPEN
            await until(lambda: column(desk.window.open_orders, "State") == ["Open"], what="the order on screen")
            assert desk.leaks() == []
        finally:
            await desk.close()

    play(story())


def test_x3_a_reading_key_has_nothing_that_could_send_an_order(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        desk = VaultDesk(tmp_path)
        await desk.keep("eyes", twin("binance", seed=5, key="read-only"))
        desk.open()
        try:
            desk.accounts.open("eyes", PASSWORD)
            await until(lambda: desk.phase("eyes") is Phase.OPEN, 20)
            await until(lambda: desk.window.top.marks() == ["READ ONLY"], within_s=5.0, what="the mark in the header")
            await desk.ready("eyes")
            assert desk.form() == "READ ONLY: this key may not trade."
            exchange = desk.exchange("eyes")
            for attempt in (
                lambda: exchange.submit(draft(desk, "eyes")),
                lambda: exchange.dry_run(draft(desk, "eyes")),
                lambda: exchange.buy(PAIR, 1),  # type: ignore[arg-type]
            ):
                with pytest.raises(OrderRefused, match="READ ONLY"):
                    attempt()
            assert not any(isinstance(each, OrderSender) for each in reachable(exchange))
            assert (await exchange.cancel_all()).results == () and calls(desk, "POST") == calls(desk, "DELETE") == []
            assert exchange.balances["USDT"].total > 0
            row = desk.vault().find("eyes")
            assert row.permissions.trade is False and row.checked and not row.may_trade
        finally:
            await desk.close()

    play(story())


def test_x2_a_key_that_can_withdraw_trades_only_after_typed_consent(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        line = twin("binance", seed=5, key="withdraw")
        desk = VaultDesk(tmp_path)
        await desk.keep("rich", line)
        desk.open()
        try:
            desk.accounts.open("rich", PASSWORD)
            await until(lambda: isinstance(desk.window.accounts.dialog, AcceptRightsDialog), 20, "the question")
            dialog = desk.window.accounts.dialog
            assert isinstance(dialog, AcceptRightsDialog)
            await until(lambda: desk.window.top.marks() == ["CAN WITHDRAW"], what="the badge")
            QTest.keyClicks(dialog.typed, "yes")
            assert not dialog.yes.isEnabled()
            QTest.keyClick(dialog, Qt.Key.Key_Escape)
            await desk.ready("rich")
            assert desk.strips() == "rich: this key can move money away · no order can be sent"
            with pytest.raises(OrderRefused, match="can move money away"):
                desk.exchange("rich").submit(draft(desk, "rich"))
            press(desk.window.accounts.bar, "Read and accept: rich")
            again = desk.window.accounts.dialog
            assert isinstance(again, AcceptRightsDialog)
            QTest.keyClicks(again.typed, CONSENT)
            QTest.mouseClick(again.yes, Qt.MouseButton.LeftButton)
            await until(lambda: desk.strips() == "", what="the consent")
            key = desk.exchange("rich").submit(draft(desk, "rich"))
            await until(lambda: desk.state("rich", key) is OrderState.OPEN, what="an open order")
            assert desk.window.top.marks() == ["CAN WITHDRAW"]
            await desk.exchange("rich").cancel_all()
        finally:
            await desk.close()
        next_day = VaultDesk(tmp_path)
        next_day.open()
        try:
            next_day.accounts.open("rich", PASSWORD)
            await next_day.ready("rich")
            await until(lambda: any("apiRestrictions" in path for path in calls(next_day, "GET")))
            assert next_day.window.accounts.dialog is None and next_day.exchange("rich").no_orders == ""
        finally:
            await next_day.close()

    play(story())


@pytest.mark.parametrize(
    ("exchange", "key", "marks"),
    [
        ("binance", "", ["ANY IP"]),
        ("okx", "", ["ANY IP"]),
        ("okx", "read-only", ["READ ONLY"]),
        ("coinbase", "", []),
        ("coinbase", "view-only", ["READ ONLY"]),
        ("poloniex", "", []),
    ],
)
def test_x4_rights_are_in_the_header_within_five_seconds(
    play: Play, twin: Twin, tmp_path: Path, exchange: str, key: str, marks: list[str]
) -> None:
    async def story() -> None:
        desk = VaultDesk(tmp_path)
        await desk.keep("mine", twin(exchange, seed=5, key=key))
        desk.open()
        try:
            desk.accounts.open("mine", PASSWORD)
            await until(lambda: desk.phase("mine") is Phase.OPEN, 20)
            await until(lambda: desk.accounts.row("mine").standing.checked_ms > 0, within_s=5.0)  # type: ignore[union-attr]
            await until(lambda: desk.window.top.marks() == marks, within_s=2.0, what=f"{marks} in the header")
            desk.window.show_exchanges()
            dialog = desk.window.findChild(ExchangesDialog)
            assert dialog is not None and dialog.kept is not None
            card = dialog.kept.cards["mine"]
            words = {title: label.text() for title, label in card.lamps.words.items()}
            assert (words["Trade"] == "no") is ("READ ONLY" in marks)
            assert words["IP-bound"] == (
                "any address" if marks == ["ANY IP"] or key == "read-only" else words["IP-bound"]
            )
            if exchange == "coinbase":
                assert (words["Withdraw"], words["IP-bound"], words["Transfer"]) == (
                    "not reported",
                    "not reported",
                    "no",
                )
            if exchange == "poloniex":
                assert list(words.values()) == ["yes", *["not reported"] * 4]
            dialog.close()
        finally:
            await desk.close()

    play(story())


class HangingKeyring:
    """Answers `put` and, until `released`, nothing else."""

    def __init__(self) -> None:
        self.items: dict[str, bytes] = {}
        self.released = asyncio.Event()

    async def state(self) -> KeyringState:
        return KeyringState(True, "Shelf")

    async def get(self, item: str) -> bytes | None:
        await self.released.wait()
        return self.items.get(item)

    async def put(self, item: str, key: bytes) -> None:
        self.items[item] = key

    async def delete(self, item: str) -> None:
        self.items.pop(item, None)


def test_l7_a_keyring_that_hangs_delays_nothing_but_its_account(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        keyring = HangingKeyring()
        desk = VaultDesk(tmp_path, keyring=keyring)
        await desk.keep("slow", twin(seed=5), Lock.KEYRING)
        desk.open()
        try:
            desk.accounts.open("slow")
            await until(lambda: desk.window.market is not None and desk.book() == "live", 20, "public data")
            await until(lambda: "slow: waiting for the keyring 2 s" in desk.strips(), what="the seconds")
            assert desk.form() == "Waiting for this account's key."
            press(desk.window.accounts.bar, "Use a password: slow")
            dialog = desk.window.accounts.dialog
            assert isinstance(dialog, AddAccountDialog) and dialog.exchange.currentData() == "poloniex"
            dialog.reject()
            press(desk.window.accounts.bar, "Cancel: slow")
            await until(lambda: desk.phase("slow") is Phase.FAILED, what="the end of waiting")
            assert desk.strips() == "slow is not open: cancelled" and desk.book() == "live"
            keyring.released.set()
            press(desk.window.accounts.bar, "Try again: slow")
            await desk.ready("slow")
            assert desk.strips() == ""
        finally:
            await desk.close()

    play(story())


def test_a_lab_account_waits_for_its_twin_and_says_how_to_start_it(play: Play, tmp_path: Path) -> None:
    async def story() -> None:
        first = TwinProcess("poloniex", seed=5)
        line = first.read_line()
        desk = VaultDesk(tmp_path)
        await desk.keep("bench", line)
        os.kill(first.pid, signal.SIGKILL)
        first.stop()
        port = urlsplit(line.rest).port
        desk.open()
        second: TwinProcess | None = None
        try:
            desk.accounts.open("bench", PASSWORD)
            words = f"bench: nothing answers at 127.0.0.1:{port}: start the twin again (depthdesk twin poloniex --port"
            await until(lambda: desk.strips().startswith(words), what="what is missing")
            second = TwinProcess("poloniex", seed=5, port=port or 0)
            second.read_line()
            await desk.ready("bench")
            assert desk.strips() == "" and desk.exchange("bench").kind == "LAB"
        finally:
            await desk.close()
            if second is not None:
                second.stop()

    play(story())


def test_the_dialog_opens_closes_and_forgets_accounts(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        desk = VaultDesk(tmp_path)
        await desk.keep("night", twin(seed=5))
        desk.open()
        try:
            desk.window.open_orders.account_requested.emit()
            dialog = desk.window.findChild(ExchangesDialog)
            assert dialog is not None and dialog.kept is not None
            card = dialog.kept.cards["night"]
            assert (card.label.text(), card.state.text()) == ("night", "closed")
            assert card.where.text().startswith("Poloniex, 127.0.0.1:") and "not checked yet" in texts(card)
            press(dialog, "Open night")
            await until(lambda: desk.phase("night") is Phase.LOCKED)
            press(dialog, "Unlock night")
            unlock = desk.window.accounts.dialog
            assert isinstance(unlock, UnlockVaultDialog)
            QTest.keyClicks(unlock.password, PASSWORD)
            QTest.keyClick(unlock.password, Qt.Key.Key_Return)
            await desk.ready("night")
            await until(lambda: dialog.kept.cards["night"].state.text() == "open")  # type: ignore[union-attr]
            press(dialog, "Close night")
            await until(lambda: desk.workspace.exchanges == {}, what="a closed account")
            await until(lambda: dialog.kept.cards["night"].state.text() == "closed")  # type: ignore[union-attr]
            assert remembered_accounts(Paths(tmp_path)) == ()
            press(dialog, "Remove night")
            removal = desk.window.accounts.dialog
            assert isinstance(removal, RemoveAccountDialog)
            QTest.keyClicks(removal.typed, "night")
            QTest.mouseClick(removal.yes, Qt.MouseButton.LeftButton)
            await until(lambda: dialog.kept.cards == {}, what="an empty list")  # type: ignore[union-attr]
            assert list((tmp_path / "accounts").iterdir()) == []
            dialog.close()
        finally:
            await desk.close()

    play(story())


def test_an_account_is_added_in_the_window_and_trades(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        line = twin("okx", seed=5)
        desk = VaultDesk(tmp_path, exchanges=real_looking(line))
        desk.secrets |= {line.secret_key, line.passphrase}
        desk.open()
        try:
            desk.window.balances.account_requested.emit()
            dialog = desk.window.accounts.dialog
            assert isinstance(dialog, AddAccountDialog) and dialog.fields is not None
            for name, value in (
                ("api_key", line.api_key),
                ("secret_key", line.secret_key),
                ("passphrase", line.passphrase),
            ):
                QTest.keyClicks(dialog.fields.edits[name], value)
            QTest.mouseClick(dialog.check_button, Qt.MouseButton.LeftButton)
            await until(lambda: "may read and trade" in dialog.check_words.text(), 20, "a good key")
            dialog.vault.password.click()
            QTest.keyClicks(dialog.vault.first, PASSWORD)
            QTest.keyClicks(dialog.vault.second, PASSWORD)
            await until(lambda: dialog.keep.isEnabled(), what="the button")
            QTest.mouseClick(dialog.keep, Qt.MouseButton.LeftButton)
            await desk.ready("okx")
            assert desk.window.market == ("okx:okx", PAIR) and desk.window.top._kind.text() == "LIVE"
            assert desk.window.top.marks() == ["ANY IP"]
            exchange = desk.exchange("okx")
            await arm(desk)
            key = exchange.submit(draft(desk, "okx"))
            await until(lambda: desk.state("okx", key) is OrderState.OPEN, what="an open order")
            await exchange.cancel_all()
            assert desk.leaks() == []
        finally:
            await desk.close()

    play(story())


def test_real_money_is_safe_until_it_is_armed_and_again_when_nobody_is_there(
    play: Play, twin: Twin, tmp_path: Path
) -> None:
    async def story() -> None:
        line = twin(seed=5)
        desk = VaultDesk(tmp_path, exchanges=real_looking(line))
        await desk.keep("real", line, domain="main")
        await desk.keep("lab", twin(seed=6))
        desk.open()
        try:
            for label in ("lab", "real"):
                desk.accounts.open(label, PASSWORD)
                await desk.ready(label)
            window, real = desk.window, desk.exchange("real")
            chip, status = window.arming.chip, window.status.armed
            words = window.entry.gate_words
            window.open_market(real.key, PAIR)
            await until(lambda: window.market == (real.key, PAIR) and desk.book() == "live", 20, "the market")
            await until(lambda: chip.isVisible() and (chip.text(), status.text()) == ("SAFE", "SAFE"), what="the chip")
            safe = "Blocked: SAFE: trading with this account is not armed (Ctrl+T arms it)"
            await until(lambda: words.text() == safe, what="the reason")
            assert not window.entry.submit.isEnabled()
            with pytest.raises(OrderRefused, match="SAFE"):
                real.submit(draft(desk, "real"))
            lab = desk.exchange("lab")
            lab.submit(draft(desk, "lab"))
            await until(lambda: len(lab.orders.open) == 1 and lab.orders.open[0].state is OrderState.OPEN)

            QTest.mouseClick(chip, Qt.MouseButton.LeftButton)
            assert window.arming.question is not None
            press(window.arming.question, "Stay safe")
            assert real.arming.refusal
            await arm(desk)
            await until(lambda: chip.text() == "ARMED" and status.text().startswith("ARMED 1"), what="the words")
            await until(lambda: window.entry.gate_words.isHidden(), what="an open form")
            key = real.submit(draft(desk, "real"))
            await until(lambda: desk.state("real", key) is OrderState.OPEN, what="an open order")

            window.arming.idle.elapsed.emit()
            assert real.arming.refusal and chip.text() == "SAFE"
            assert "nobody touched anything for 15 min" in desk.workspace.notices.items[-1].text
            with pytest.raises(OrderRefused, match="SAFE"):
                real.submit(draft(desk, "real"))
            # Cancelling needs nothing.
            await real.cancel_all()
            assert desk.state("real", key) is OrderState.CANCELED
            await lab.cancel_all()

            await arm(desk)
            desk.act("Lock now, or unlock…")
            await until(lambda: not desk.exchange("real").has_account, what="the lock")
            await desk.unlock()
            await desk.ready("real")
            assert desk.exchange("real").arming.refusal, "an account that was locked is safe"
        finally:
            await desk.close()

    play(story())


async def arm(desk: VaultDesk) -> None:
    """Click the chip and say yes."""
    await until(lambda: desk.window.arming.chip.isVisible(), what="the chip")
    QTest.mouseClick(desk.window.arming.chip, Qt.MouseButton.LeftButton)
    box = desk.window.arming.question
    assert box is not None
    (yes,) = (button for button in box.buttons() if button.text().startswith("Arm "))
    QTest.mouseClick(yes, Qt.MouseButton.LeftButton)


def test_nobody_at_the_desk_locks_it_and_input_puts_that_off(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        config = Config(accounts=AccountsConfig(auto_lock=True, auto_lock_minutes=1))
        desk = VaultDesk(tmp_path, config=config)
        await desk.keep("desk 1", twin(seed=5))
        desk.open()
        try:
            lock = desk.window.accounts.auto_lock
            assert lock.left_ms == -1
            desk.accounts.open("desk 1", PASSWORD)
            await desk.ready("desk 1")
            assert 50_000 < lock.left_ms <= 60_000
            await until(lambda: lock.left_ms < 59_500)
            # As the platform delivers it; a click of QTest on a native window would run the loop within itself.
            here, button = QPointF(300, 8), Qt.MouseButton.NoButton
            moved = QMouseEvent(QEvent.Type.MouseMove, here, here, button, button, Qt.KeyboardModifier.NoModifier)
            QApplication.sendEvent(desk.window.windowHandle(), moved)
            assert lock.left_ms > 59_500
            lock._idle.start(50)
            await until(lambda: desk.phase("desk 1") is Phase.LOCKED, what="the lock")
            assert "locked after 1 min without input" in desk.accounts.row("desk 1").words  # type: ignore[union-attr]
            await until(lambda: not desk.exchange("desk 1").has_account)
            assert lock.left_ms == -1
        finally:
            await desk.close()

    play(story())


def test_the_password_is_changed_in_the_window(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        desk = VaultDesk(tmp_path)
        await desk.keep("one", twin(seed=5))
        desk.open()
        try:
            desk.act("Change the vault's password…")
            dialog = desk.window.accounts.dialog
            assert isinstance(dialog, ChangePasswordDialog)
            for field, typed in (
                (dialog.old, "wrong wrong wrong"),
                (dialog.new, "a better one 42"),
                (dialog.again, ""),
            ):
                QTest.keyClicks(field, typed)
            assert not dialog.change.isEnabled()
            QTest.keyClicks(dialog.again, "a better one 42")
            QTest.mouseClick(dialog.change, Qt.MouseButton.LeftButton)
            await until(lambda: "this password does not open the vault" in dialog.words.text(), what="the refusal")
            QTest.keyClicks(dialog.old, PASSWORD)
            await until(lambda: dialog.change.isEnabled(), what="the next try")
            QTest.mouseClick(dialog.change, Qt.MouseButton.LeftButton)
            await until(lambda: desk.window.accounts.dialog is None, 20, "the change")
            fresh = desk.vault()
            await fresh.unlock("a better one 42")
            assert not fresh.locked
        finally:
            await desk.close()

    play(story())


def test_a_process_closed_to_others_still_has_its_file_dialogs(play: Play, qapp: QApplication, tmp_path: Path) -> None:
    """A desktop's own dialog is shown by a portal, which cannot look into a process that holds keys."""

    async def story() -> None:
        prepare(qapp)
        assert QApplication.testAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
        desk = VaultDesk(tmp_path)
        desk.open()
        try:
            forbid_core_dumps()
            chosen: list[Path] = []
            actions.ask_path(desk.window, "Record", "x.jsonl", chosen.append)
            dialog = desk.window.findChild(QFileDialog)
            assert dialog is not None and dialog.findChild(QLineEdit) is not None, "it has widgets of our own"
            dialog.selectFile(str(tmp_path / "x.jsonl"))
            dialog.accept()
            await until(lambda: chosen == [tmp_path / "x.jsonl"], what="the file")
        finally:
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
            await desk.close()

    play(story())


def test_rights_are_asked_again_in_time_and_when_the_exchange_refuses_the_key(
    play: Play, twin: Twin, tmp_path: Path
) -> None:
    async def story() -> None:
        desk = VaultDesk(tmp_path)
        await desk.keep("mine", twin("binance", seed=5))
        desk.open()
        try:
            desk.accounts.open("mine", PASSWORD)
            await desk.ready("mine")

            def asked() -> int:
                return sum("apiRestrictions" in path for path in calls(desk, "GET"))

            await until(lambda: asked() == 1, what="the first question")
            exchange = desk.exchange("mine")
            refused = VenueError(ErrorKind.AUTH, "-2015", "Invalid API-key, IP, or permissions for action.")
            exchange.venue.on_key_refused(refused)
            await until(lambda: asked() == 2, what="a question at once")
            desk.accounts._check_every_s = 0.3
            exchange.venue.on_key_refused(refused)
            await until(lambda: asked() >= 5, what="questions in time")
            assert desk.window.top.marks() == ["ANY IP"], "the key is good after all"
        finally:
            await desk.close()

    play(story())


def test_a_refused_key_is_said_in_the_header(play: Play, twin: Twin, tmp_path: Path) -> None:
    async def story() -> None:
        line = twin(seed=5)
        desk = VaultDesk(tmp_path)
        await desk.keep("mine", replace(line, secret_key="a wrong secret"))
        desk.open()
        try:
            desk.accounts.open("mine", PASSWORD)
            await until(lambda: desk.window.top.marks() == ["KEY REFUSED"], 20, "the mark")
            assert any("refuses this key" in notice.text for notice in desk.workspace.notices.items)
            await until(lambda: desk.book() == "live", what="public data all the same")
            assert desk.leaks() == []
        finally:
            await desk.close()

    play(story())


def test_orders_of_an_account_outlive_a_window_that_was_started_for_paper(
    play: Play, twin: Twin, tmp_path: Path
) -> None:
    async def story() -> None:
        line = twin(seed=5)
        desk = VaultDesk(tmp_path, beside_paper=True)
        await desk.keep("mine", line)
        desk.open()
        try:
            desk.accounts.open("mine", PASSWORD)
            await desk.ready("mine")
            key = desk.exchange("mine").submit(draft(desk, "mine"))
            await until(lambda: desk.state("mine", key) is OrderState.OPEN, what="an open order")
        finally:
            await desk.close()
        drop_paper_journal(Paths(tmp_path).state)
        next_day = VaultDesk(tmp_path)
        next_day.open()
        try:
            next_day.accounts.open("mine", PASSWORD)
            await next_day.ready("mine")
            assert next_day.state("mine", key) is OrderState.OPEN
            order = next_day.exchange("mine").orders.get(key)
            assert order is not None and OrderFlag.EXTERNAL not in order.flags, "it is known as ours"
        finally:
            await next_day.close()

    play(story())
