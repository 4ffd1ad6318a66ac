import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fakeTopology } from "../ipc/fake/fixture";
import type { Card } from "./cards";
import { found, layout, type Founding, type Layout, type Rect } from "./layout";
import { neighbour } from "./nav";
import { pipeWidth, routes } from "./pipes";
import { hit, podGeometry, type PodGeometry } from "./pods";
import { keepOrder, PodSlots, type PodPlace } from "./slots";
import { regionsOf, topology } from "./topology";

const LANES = ["a", "b", "c"];
const ROOM = { width: 430, height: 118, head: 15, label: 0, maxPitch: 10 };

const place = fc.record({
  id: fc.integer({ min: 0, max: 400 }).map((n) => `pod-${n}`),
  lane: fc.constantFrom(...LANES),
  namespace: fc.constantFrom("orders", "risk", "market-data", "infra"),
  workload: fc.constantFrom("one", "two", "three"),
});

function rects(slots: PodSlots, g: PodGeometry): Map<string, string> {
  const out = new Map<string, string>();
  const strips = new Map(g.strips.map((s) => [s.strip, s]));
  for (const [id, at] of slots.where) {
    const s = strips.get(at.cells.strip);
    if (s === undefined) throw new Error(`${id} has a slot but no rectangle`);
    out.set(id, `${at.cells.lane}:${s.x + (at.index % s.cols) * g.pitch},${s.y + Math.floor(at.index / s.cols) * g.pitch}`);
  }
  return out;
}

describe("pod slots", () => {
  it("no surviving pod moves, whatever comes and goes", () => {
    fc.assert(
      fc.property(fc.uniqueArray(place, { selector: (p) => p.id, maxLength: 120 }), fc.array(fc.record({ add: place, gone: fc.nat(400) }), { maxLength: 60 }), (start, patches) => {
        const slots = new PodSlots(LANES, start);
        let before = rects(slots, podGeometry(slots, ROOM));
        for (const patch of patches) {
          const moved = patch.add.id;
          slots.remove(`pod-${patch.gone}`);
          slots.add(patch.add);
          const geometry = podGeometry(slots, ROOM);
          const after = rects(slots, geometry);
          for (const [id, rect] of before) {
            if (id !== moved && after.has(id)) expect(after.get(id)).toBe(rect);
          }
          before = after;
        }
      }),
      { numRuns: 60 },
    );
  });

  it("no two pods share a cell, and every pod's cell answers to a press on it", () => {
    fc.assert(
      fc.property(fc.uniqueArray(place, { selector: (p) => p.id, maxLength: 200 }), (pods) => {
        const slots = new PodSlots(LANES, pods);
        const g = podGeometry(slots, ROOM);
        const seen = new Set(rects(slots, g).values());
        expect(seen.size).toBe(pods.length);
        for (const [id, at] of slots.where) {
          const s = g.strips.find((x) => x.strip === at.cells.strip);
          if (s === undefined) throw new Error("no strip");
          const found = hit(g, s.x + (at.index % s.cols) * g.pitch + 1, s.y + Math.floor(at.index / s.cols) * g.pitch + 1);
          expect(found).toEqual({ strip: at.cells.strip, index: at.index });
          expect(slots.cellsOf(at.cells.strip, at.cells.lane)?.ids[at.index]).toBe(id);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("a new pod takes the first hole of its own workload", () => {
    const pods: PodPlace[] = ["1", "2", "3"].map((n) => ({ id: `p${n}`, lane: "a", namespace: "orders", workload: "one" }));
    const slots = new PodSlots(LANES, pods);
    const hole = slots.where.get("p2")?.index;
    slots.remove("p2");
    slots.add({ id: "new", lane: "a", namespace: "orders", workload: "one" });
    expect(slots.where.get("new")?.index).toBe(hole);
  });

  it("holds the mock-ups' and ten thousand pods without overflow", () => {
    for (const [perZone, width, height, least] of [[20, 430, 118, 4], [12, 200, 62, 3], [12, 430, 118, 6], [160, 1300, 230, 5]] as const) {
      const pods: PodPlace[] = [];
      for (const lane of LANES) {
        for (let ns = 0; ns < 6; ns += 1) for (let w = 0; w < 4; w += 1) for (let i = 0; i < perZone / (1 + ns * 0.3); i += 1) pods.push({ id: `${lane}${ns}${w}-${i}`, lane, namespace: `ns-${ns}`, workload: `w${w}` });
      }
      const g = podGeometry(new PodSlots(LANES, pods), { width, height, head: 15, label: 0, maxPitch: 10 });
      expect(g.overflow, `${pods.length} pods in ${width}×${height}`).toBe(false);
      expect(g.pitch, `${pods.length} pods in ${width}×${height}`).toBeGreaterThanOrEqual(least);
    }
  });
});

describe("order of cards", () => {
  it("survivors keep their index; newcomers fill holes, then the end", () => {
    expect(keepOrder(["a", "b", "c"], ["a", "c", "x", "y"])).toEqual(["a", "x", "c", "y"]);
    expect(keepOrder([], ["a", "b"])).toEqual(["a", "b"]);
  });
});

function card(key: string, column: Card["column"], lane: string | null): Card {
  return { key, column, lane, node: key, parts: [], kind: "queue", title: key, level: "ok", consequence: false, ghost: false, rows: [] };
}

const someCards = fc
  .uniqueArray(fc.tuple(fc.nat(30), fc.constantFrom("sqs", "data", "alb", "route53"), fc.constantFrom(...LANES)), { selector: ([n, c]) => `${c}${n}`, maxLength: 25 })
  .map((list) => list.map(([n, column, lane]) => card(`${column}${n}`, column as Card["column"], column === "sqs" || column === "route53" ? null : lane)));

describe("board layout", () => {
  const overlap = (a: Rect, b: Rect): boolean => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

  it("no surviving card moves when cards come and go", () => {
    fc.assert(
      fc.property(someCards, fc.array(someCards, { maxLength: 6 }), (start, later) => {
        let founding: Founding = found(start, LANES, null);
        const lane = new Map(start.map((c) => [c.key, c.lane]));
        let before = layout(founding, new Set(), { width: 1440, height: 572 });
        for (const now of later) {
          founding = found(now, LANES, founding);
          const after = layout(founding, new Set(), { width: 1440, height: 572 });
          for (const c of now) {
            const old = before.cards.get(c.key);
            const known = lane.get(c.key);
            if (old !== undefined && known === c.lane) {
              const { x, y, w, h } = after.cards.get(c.key) as Rect;
              expect({ x, y, w, h }).toEqual({ x: old.x, y: old.y, w: old.w, h: old.h });
            }
          }
          lane.clear();
          for (const c of now) lane.set(c.key, c.lane);
          before = after;
        }
      }),
      { numRuns: 80 },
    );
  });

  it("what belongs in a lane and has no zone lies under the lanes, over nothing", () => {
    const { topo, groups } = fakeTopology("az-degraded");
    const cards = topo.cards.map((card) => (card.column === "alb" ? { ...card, lane: null } : card));
    const l = layout(found(cards, topo.lanes.map((x) => x.zone), null), groups, { width: 1440, height: 572 });
    const moved = cards.filter((card) => card.column === "alb");
    expect(moved.length).toBeGreaterThan(0);
    for (const card of moved) {
      const at = l.cards.get(card.key);
      if (at === undefined) throw new Error(`${card.key} has no place`);
      for (const lane of l.lanes) expect(at.y).toBeGreaterThanOrEqual(lane.rect.y + lane.rect.h);
      expect(at.y + at.h).toBeLessThanOrEqual(l.height);
    }
  });

  for (const [width, height] of [[1440, 572], [1024, 412], [1070, 572], [2560, 1100]] as const) {
    it(`nothing overlaps or leaves the board at ${width}×${height}`, () => {
      const { topo, groups } = fakeTopology("az-degraded");
      const l: Layout = layout(found(topo.cards, topo.lanes.map((x) => x.zone), null), groups, { width, height });
      const all = [...l.cards.values()];
      expect(all.length).toBe(topo.cards.length);
      all.forEach((a, i) => {
        expect(a.x).toBeGreaterThanOrEqual(0);
        expect(a.x + a.w).toBeLessThanOrEqual(l.width);
        expect(a.y + a.h).toBeLessThanOrEqual(l.height);
        for (const b of all.slice(i + 1)) expect(overlap(a, b)).toBe(false);
        for (const lane of l.lanes) expect(overlap(a, lane.pods)).toBe(false);
      });
      for (const lane of l.lanes) expect(lane.rect.x + lane.rect.w).toBeLessThan(l.columns.sqs.x);
    });
  }
});

describe("pipes", () => {
  it("join every tier of the path and colour only what leads to something abnormal", () => {
    const { topo, groups } = fakeTopology("az-degraded");
    const l = layout(found(topo.cards, topo.lanes.map((x) => x.zone), null), groups, { width: 1440, height: 572 });
    const all = routes(topo.pipes, l);
    expect(topo.pipes.some((p) => p.from.startsWith("record:api") && p.to.includes("loadbalancer"))).toBe(true);
    expect(topo.pipes.some((p) => p.from.includes("loadbalancer") && p.to === "pods@us-east-1b")).toBe(true);
    expect(topo.pipes.some((p) => p.from === "pods" && p.to.includes("dbinstance"))).toBe(true);
    expect(topo.pipes.some((p) => p.from === "pods" && p.to.includes("queue"))).toBe(true);
    expect(topo.pipes.some((p) => p.from.includes("queue") && p.to.includes("function"))).toBe(true);
    expect(all.some((r) => r.level === "critical")).toBe(true);
    const calm = fakeTopology("calm");
    expect(routes(calm.topo.pipes, l).every((r) => r.level === "ok")).toBe(true);
  });

  it("are as wide as the logarithm of what flows, within limits", () => {
    expect(pipeWidth(0)).toBe(1.5);
    expect(pipeWidth(1e9)).toBe(5);
    expect(pipeWidth(10_000)).toBeGreaterThan(pipeWidth(100));
  });
});

describe("arrow keys", () => {
  const at = (key: string, x: number, y: number): { key: string; rect: Rect } => ({ key, rect: { x, y, w: 10, h: 10 } });
  const spots = [at("a", 0, 0), at("b", 20, 0), at("c", 0, 20), at("d", 20, 20)];
  it("go to the nearest thing that way, and nowhere at the edge", () => {
    expect(neighbour(spots, "a", "right")).toBe("b");
    expect(neighbour(spots, "a", "down")).toBe("c");
    expect(neighbour(spots, "d", "left")).toBe("c");
    expect(neighbour(spots, "a", "left")).toBe(null);
    expect(neighbour(spots, "gone", "left")).toBe("a");
  });
});

describe("settling", () => {
  it("places are made anew while first readings come in, and are kept once every source was heard", async () => {
    const { Grid } = await import("../store/grid");
    const { fakeWorld } = await import("../ipc/fake/fixture");
    const world = fakeWorld("calm");
    const zones = ["us-east-1a", "us-east-1b", "us-east-1c"];
    const grid = new Grid();
    const touched = { all: false, nodes: [], gone: [], edges: false };
    const one = grid.of(world, "us-east-1", zones);
    grid.follow(world, touched);
    expect(grid.of(world, "us-east-1", zones)).toBe(one);
    const source = [...world.sources.values()][0];
    if (source === undefined) throw new Error("no source");
    world.sources.set(source.id, { ...source, state: "pending" });
    grid.follow(world, touched);
    expect(grid.of(world, "us-east-1", zones)).not.toBe(one);
  });
});

describe("headings", () => {
  it("say that the pods of a cluster that EKS lists could not be read", async () => {
    const { fakeWorld } = await import("../ipc/fake/fixture");
    const world = fakeWorld("calm");
    for (const [id, node] of world.nodes) if (node.kind === "pod") world.nodes.delete(id);
    for (const [id, source] of world.sources) if (source.service === "kubernetes") world.sources.set(id, { ...source, state: "failed" });
    const regions = regionsOf(world);
    const topo = topology(world, regions[0] ?? "", regions);
    const heading = topo.headings.find((h) => h.column === "eks");
    expect(heading?.node).toBeDefined();
    expect(heading?.parts.map((p) => p.text)).toEqual(["could not be read"]);
    expect(topo.headings.find((h) => h.column === "sqs")?.parts.map((p) => p.text)).not.toContain("could not be read");
  });
});

describe("zones on balancers", () => {
  it("a reason that names a zone colours that zone's card only", () => {
    const { topo } = fakeTopology("az-degraded");
    const levels = Object.fromEntries(topo.cards.filter((c) => c.kind === "loadbalancer").map((c) => [c.lane, c.level]));
    expect(levels).toEqual({ "us-east-1a": "ok", "us-east-1b": "critical", "us-east-1c": "ok" });
    expect(topo.lanes.map((l) => l.level)).toEqual(["ok", "critical", "ok"]);
  });
  it("a function sits in its queue's row", () => {
    const { topo, groups } = fakeTopology("calm");
    const l = layout(found(topo.cards, topo.lanes.map((x) => x.zone), null), groups, { width: 1440, height: 572 });
    for (const fn of topo.cards.filter((c) => c.column === "lambda")) expect(l.cards.get(fn.key)?.y).toBe(l.cards.get(fn.beside ?? "")?.y);
  });
});
