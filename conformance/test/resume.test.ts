import { expect, it } from "vitest";
import { runResume } from "../resume/resume.ts";

const KILLS = 2;
const CLIENTS = 18;

it.each([
  ["", false],
  [", with connection state recovery beside it", true],
])(
  "our client goes on where it stood across kills, cuts and reloads%s",
  async (_, isRecovering) => {
    const counts = await runResume({ clients: CLIENTS, kills: KILLS, lifeMsMax: 800, isRecovering });
    console.log(counts);
    const expected = { lost: 0, repeated: 0, outOfOrder: 0, own: 0, gaps: 0, refused: 0, forgotten: 0 };
    expect(counts).toMatchObject({ kills: KILLS, ...expected });
    expect(counts.reloads).toBeGreaterThan(0);
    expect(counts.replays).toBeGreaterThan(0);
    expect(counts.delivered).toBeGreaterThan(200);
  },
  120_000,
);
