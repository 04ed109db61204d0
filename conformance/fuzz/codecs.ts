import {
  Decoder,
  decodeFrame,
  decodePayload,
  Encoder,
  encodeFrame,
  type Frame,
  type FrameType,
  nestsDeeper,
  type Packet,
  PacketType,
} from "@holdfast/protocol";
import { decodePayloadV3 } from "../../packages/server/src/engine/transports/payload-v3.ts";
import { randomBytes, randomText } from "./inputs.ts";
import { Random } from "./random.ts";

export interface CodecTally {
  inputs: number;
  frames: number;
  packets: number;
  refused: number;
}

/**
 * Gives `inputs` random texts and buffers to every decoder. Frame decoders must never throw; packet decoders may throw
 * an Error and nothing else; whatever they accept must survive being encoded again. Throws at the first violation,
 * naming the input.
 */
export function fuzzCodecs(inputs: number, seed: number): CodecTally {
  const random = new Random(seed);
  const tally: CodecTally = { inputs: 0, frames: 0, packets: 0, refused: 0 };
  while (tally.inputs < inputs) {
    const input = random.chance(4) ? randomBytes(random) : randomText(random);
    try {
      if (typeof input === "string") text(input, random, tally);
      else bytes(input, tally);
    } catch (cause) {
      throw new Error(`seed ${seed}, input ${tally.inputs}: ${JSON.stringify(input)}`, { cause });
    }
    tally.inputs++;
  }
  return tally;
}

function text(input: string, random: Random, tally: CodecTally): void {
  const frame = decodeFrame(input);
  if (frame.type !== "error") {
    const again = encodeFrame(frame.type as FrameType, frame.data);
    if (typeof again === "string" && again !== input) throw new Error(`encoded again as ${again}`);
  }
  checkFrames(decodePayload(input), tally);
  checkFrames(decodePayloadV3(input), tally);
  nestsDeeper(input, random.below(20));
  packets([input, ...(random.chance(2) ? [] : [randomBytes(random), randomBytes(random)])], tally);
}

function bytes(input: Buffer, tally: CodecTally): void {
  if (decodeFrame(input).data !== input) throw new Error("binary is a message as it is");
  checkFrames(decodePayloadV3(input), tally);
  packets([input], tally);
}

function checkFrames(frames: Frame[], tally: CodecTally): void {
  tally.frames += frames.length;
  for (const frame of frames.slice(0, -1))
    if (frame.type === "error") throw new Error("went on after an error");
}

function packets(chunks: (string | Buffer)[], tally: CodecTally): void {
  const decoder = new Decoder();
  decoder.on("decoded", (packet: Packet) => {
    tally.packets++;
    checkPacket(packet);
  });
  try {
    for (const chunk of chunks) decoder.add(chunk);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof BrokenPacket) throw error;
    tally.refused++;
  }
  decoder.destroy();
}

class BrokenPacket extends Error {}

function checkPacket(packet: Packet): void {
  if ((packet.type as number) > PacketType.CONNECT_ERROR)
    throw new BrokenPacket("the type of a binary packet is left");
  if (packet.type === PacketType.EVENT && !Array.isArray(packet.data))
    throw new BrokenPacket("an event is a list");
  if (({} as { polluted?: unknown }).polluted !== undefined)
    throw new BrokenPacket("a prototype is polluted");
  // a number beyond the safe ones does not come back digit by digit
  if (packet.id !== undefined && !Number.isSafeInteger(packet.id)) return;
  const again = new Encoder().encode(packet);
  if (again.length > 11) return; // one attachment that stands in many places becomes many
  let copy: Packet | undefined;
  const decoder = new Decoder();
  decoder.on("decoded", (decoded: Packet) => {
    copy = decoded;
  });
  for (const chunk of again) decoder.add(chunk);
  if (copy?.type !== packet.type || copy.nsp !== packet.nsp || copy.id !== packet.id) {
    throw new BrokenPacket(`encoded again as ${JSON.stringify(again)}`);
  }
}
