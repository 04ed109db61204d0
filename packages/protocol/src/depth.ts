/**
 * Whether the arrays and objects of a JSON text nest deeper than `depthMax`. Linear in the text's length, and free
 * for texts too short to reach it. Text that is not JSON gives an answer too, of no meaning.
 */
export function nestsDeeper(text: string, depthMax: number): boolean {
  if (text.length <= depthMax) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5c /* backslash */) i++;
    else if (c === 0x22 /* quote */) inString = !inString;
    else if (inString) continue;
    else if (c === 0x5b || c === 0x7b) {
      if (++depth > depthMax) return true;
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
  return false;
}
