"""What clients saw of a database, and which of it no database that keeps its promise could have shown them.

Transactions append unique values to lists and read lists. A list that was read is its versions in order, so who overwrote whom, who read
whose write, and who missed whose write is known, and a cycle of these is an anomaly of a certain kind (Kingsbury and Alvaro, "Elle", VLDB
2020; the kinds: Adya, 1999). Pure functions; the clients are in anomalies.py.
"""
import collections
import dataclasses

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"


@dataclasses.dataclass
class Transaction:
    """`operations`: ("append", key, value) and ("read", key, [values]). Times are of the client's clock, from before the first statement to the answer."""
    number: int
    member: str
    begun: float
    ended: float = 0.0
    outcome: str = UNKNOWN
    operations: list = dataclasses.field(default_factory=list)

    def appends(self):
        return [(key, value) for kind, key, value in self.operations if kind == "append"]

    def __str__(self):
        return f"T{self.number} at {self.member} ({self.outcome}: {self.operations})"


# What a member that applies in the log's order, whole transactions, on snapshots, can never show.
NEVER = ("lost", "twice", "aborted read", "intermediate read", "own write missed", "orders differ", "members differ", "G0", "G1c", "G-single")
STALE = "stale read"    # an acknowledged write is missed by a transaction that began later: allowed where nobody waits
WRITE_SKEW = "G2-item"  # allowed by snapshots


class Lists:
    """`finally_read`: {member: {key: [values]}} once all is over."""

    def __init__(self, transactions, finally_read):
        self.all = transactions
        self.found = collections.defaultdict(list)
        self.writer = {(key, value): each for each in transactions for key, value in each.appends()}
        self.finally_read = finally_read
        self.order = {}
        self._orders()
        # Whoever's write was seen has happened, whatever its client was told.
        seen = {id(self.writer[key, value]) for key, values in self.order.items() for value in values if (key, value) in self.writer}
        self.happened = [each for each in self.all if each.outcome == OK or id(each) in seen]

    def check(self):
        for each in self.all:
            if each.outcome == OK:
                self._acknowledged(each)
                self._reads(each)
        self._cycles()
        return {name: what for name, what in self.found.items() if what}

    def _orders(self):
        for key in {key for lists in self.finally_read.values() for key in lists}:
            lists = {member: tuple(each.get(key, ())) for member, each in self.finally_read.items()}
            if len(set(lists.values())) > 1:
                self.found["members differ"].append(f"key {key}: {lists}")
            self.order[key] = list(max(lists.values(), key=len))
            if len(set(self.order[key])) < len(self.order[key]):
                self.found["twice"].append(f"key {key}: {self.order[key]}")

    def _acknowledged(self, each):
        for key, value in each.appends():
            if value not in self.order.get(key, ()):
                self.found["lost"].append(f"{value} of key {key}: {each}")

    def _reads(self, each):
        own = collections.defaultdict(list)
        for kind, key, value in each.operations:
            if kind == "append":
                own[key].append(value)
                continue
            expected = own[key]
            if expected and value[-len(expected):] != expected:
                self.found["own write missed"].append(f"key {key}, {expected}: {each}")
            before = value[:len(value) - len(expected)] if expected else value
            self._read(each, key, before)

    def _read(self, each, key, values):
        for value in values:
            writer = self.writer.get((key, value))
            if writer is None or writer.outcome == FAILED:
                self.found["aborted read"].append(f"{value} of key {key}: {each}")
        if values and (last := self.writer.get((key, values[-1]))) is not None and last is not each:
            of_last = [value for where, value in last.appends() if where == key]
            if values[-1] != of_last[-1]:
                self.found["intermediate read"].append(f"{values[-1]} of key {key}: {each} of {last}")
        if values != self.order.get(key, [])[:len(values)]:
            self.found["orders differ"].append(f"key {key}, finally {self.order.get(key)}: {each}")
            return
        for value in self.order.get(key, [])[len(values):]:
            writer = self.writer.get((key, value))
            if writer is not None and writer is not each and writer.outcome == OK and writer.ended < each.begun:
                self.found[STALE].append(f"{value} of key {key}, written at {writer.member} and acknowledged {each.begun - writer.ended:.3f} s before: {each}")
                return

    # ---- cycles ----
    def _edges(self):
        """(overwrites and reads, misses): {transaction: {transaction}} by id."""
        follows, misses = collections.defaultdict(set), collections.defaultdict(set)
        for key, values in self.order.items():
            writers = [self.writer.get((key, value)) for value in values]
            for before, after in zip(writers, writers[1:]):
                if before is not None and after is not None and before is not after:
                    follows[before.number].add(after.number)
        only_writes = {number: set(after) for number, after in follows.items()}
        for each in self.happened:
            if each.outcome != OK:
                continue
            own = collections.Counter()
            for kind, key, value in each.operations:
                if kind == "append":
                    own[key] += 1
                    continue
                before = value[:len(value) - own[key]]
                order = self.order.get(key, [])
                if before != order[:len(before)]:
                    continue
                if before and (writer := self.writer.get((key, before[-1]))) is not None and writer is not each:
                    follows[writer.number].add(each.number)
                if len(before) < len(order) and (writer := self.writer.get((key, order[len(before)]))) is not None and writer is not each:
                    misses[each.number].add(writer.number)
        return only_writes, follows, misses

    def _cycles(self):
        only_writes, follows, misses = self._edges()
        for name, edges in ("G0", only_writes), ("G1c", follows):
            for component in components(edges):
                self.found[name].append(f"transactions {sorted(component)[:10]}")
        every = {number: follows.get(number, set()) | misses.get(number, set()) for number in follows.keys() | misses.keys()}
        for component in components(every):
            single = next((f"T{a} misses what T{b} wrote, and follows it" for a in component for b in misses.get(a, ()) if b in component
                           and reaches(follows, b, a, component)), None)
            if single:
                self.found["G-single"].append(single)
            elif not any(self.found[name] for name in ("G0", "G1c")):
                self.found[WRITE_SKEW].append(f"transactions {sorted(component)[:10]}")


def reaches(edges, start, goal, within):
    seen, ahead = {start}, [start]
    while ahead:
        at = ahead.pop()
        if at == goal:
            return True
        for each in edges.get(at, ()):
            if each in within and each not in seen:
                seen.add(each)
                ahead.append(each)
    return False


def components(edges):
    """Strongly connected components of more than one node (Tarjan, without recursion)."""
    index, low, on_stack, stack, found = {}, {}, set(), [], []
    for root in list(edges):
        if root in index:
            continue
        work = [(root, iter(edges.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, ahead = work[-1]
            for each in ahead:
                if each not in index:
                    index[each] = low[each] = len(index)
                    stack.append(each)
                    on_stack.add(each)
                    work.append((each, iter(edges.get(each, ()))))
                    break
                if each in on_stack:
                    low[node] = min(low[node], index[each])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = set()
                    while True:
                        each = stack.pop()
                        on_stack.discard(each)
                        component.add(each)
                        if each == node:
                            break
                    if len(component) > 1:
                        found.append(component)
    return found


def long_forks(observed):
    """`observed`: {pair: [(saw the one, saw the other)]}: two writes that do not know of each other, seen in one order here and in the other there."""
    return [pair for pair, seen in observed.items() if (True, False) in seen and (False, True) in seen]
