import type { Random } from "./random.ts";

/** Valid and nearly valid texts of every layer: the ground that mutation starts from. */
const corpus = [
  '0{"sid":"abc","upgrades":["websocket"],"pingInterval":25000}',
  "1",
  "2",
  "2probe",
  "3probe",
  "4hello",
  "5",
  "6",
  "bAQIDBA==",
  "4a\x1e4b\x1ebAQID\x1e2",
  "6:4hello2:4€10:b4AQIDBA==1:2",
  "97:0{}",
  '40{"token":"123"}',
  "40/admin,",
  '0{"token":"123"}',
  "0/admin?x=1,",
  "1/admin,",
  '2["hello",1,null,{"a":[true]}]',
  '2/admin,456["project:delete",123]',
  "3/admin,456[]",
  '4{"message":"no","data":{"a":1}}',
  '51-["a",{"_placeholder":true,"num":0}]',
  '62-/admin,7[{"_placeholder":true,"num":1},{"a":{"_placeholder":true,"num":0}}]',
  '2["__proto__",{"__proto__":{"polluted":true},"constructor":{"prototype":{}}}]',
  `2["deep",${"[".repeat(60)}${"]".repeat(60)}]`,
  '2["\\u0000\\ud800\\uffff👍"]',
];

const pieces = [
  ...corpus,
  ...'0123456789-,/:[]{}"\\\x1e\u0000 b',
  "_placeholder",
  '{"_placeholder":true,"num":-1}',
  "999999999999999999999",
  "1e9",
  "NaN",
  "null",
  "__proto__",
  '"connect"',
  '"disconnecting"',
  "\ud800",
  "\u2028",
  "ÿ",
];

/** A Socket.IO packet that a server takes: so that random input gets past the first message. */
export function validPacket(random: Random): string {
  const text = JSON.stringify(randomText(random));
  return random.pick([
    `2["e",${text}]`,
    `2${random.below(100)}["e",{"a":[${text}]}]`,
    `2["",null,1e9]`,
    "0/other,",
    `2/other,["e"]`,
    "1/other,",
  ]);
}

/** A text that is noise, or a piece of the corpus after a few mutations. */
export function randomText(random: Random): string {
  if (random.chance(8))
    return random.bytes(random.below(40)).toString(random.pick(["latin1", "utf8", "utf16le"]));
  let text = random.pick(corpus);
  for (let left = random.below(4); left > 0; left--) {
    const at = random.below(text.length + 1);
    switch (random.below(6)) {
      case 0:
        text = text.slice(0, at);
        break;
      case 1:
        text = text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + random.pick(pieces) + text.slice(at);
        break;
      case 3:
        text = text.slice(0, at) + text.slice(at + 1 + random.below(4));
        break;
      case 4:
        text =
          text.slice(0, at) +
          String.fromCharCode(random.below(random.chance(4) ? 65_536 : 128)) +
          text.slice(at + 1);
        break;
      default:
        text += random.pick(["\x1e", "", ","]) + random.pick(pieces);
    }
  }
  return text;
}

/** Bytes that are noise, or the corpus with bits flipped, or nearly a binary payload of Engine.IO v3. */
export function randomBytes(random: Random): Buffer {
  if (random.chance(3)) return random.bytes(random.below(60));
  let bytes: Buffer;
  if (random.chance(2)) {
    const frame = Buffer.from(random.pick(corpus));
    const digits = [...String(random.chance(4) ? random.next() : frame.length)].map(Number);
    bytes = Buffer.concat([Buffer.of(random.below(3), ...digits, random.chance(6) ? 254 : 255), frame]);
  } else bytes = Buffer.from(randomText(random));
  for (let left = random.below(3); left > 0 && bytes.length > 0; left--) {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  }
  return random.chance(4) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}
