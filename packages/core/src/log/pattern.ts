/**
 * A pattern of room names: literal text, in which each `*` stands for any text. Matches in time linear in the name:
 * names come from strangers, and a regular expression can be made to take its time.
 */
export class RoomPattern {
  readonly text: string;
  /** The literal pieces between the asterisks. */
  readonly #pieces: readonly string[];

  constructor(text: string) {
    this.text = text;
    this.#pieces = text.split("*");
  }

  matches(room: string): boolean {
    const pieces = this.#pieces;
    const first = pieces[0]!;
    if (pieces.length === 1) return room === first;
    const last = pieces[pieces.length - 1]!;
    if (room.length < first.length + last.length || !room.startsWith(first) || !room.endsWith(last))
      return false;
    // The leftmost place for each piece leaves most for those that follow.
    let at = first.length;
    const end = room.length - last.length;
    for (let i = 1; i < pieces.length - 1; i++) {
      const piece = pieces[i]!;
      const found = room.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  }
}
