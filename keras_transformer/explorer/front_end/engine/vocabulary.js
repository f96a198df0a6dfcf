/** The pieces of a vocabulary, with their scores and types. */

// The types of pieces in SentencePiece's files.
const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const BYTE = 6;

/**
 * The pieces of a vocabulary by id, and ids by piece.
 */
export class Vocabulary {
  /**
   * @param {object} data `pieces`, `scores` and `types`, of V items each.
   */
  constructor({ pieces, scores, types }) {
    this.pieces = pieces;
    this.scores = scores;
    this.types = types;
    this.ids = new Map();
    this.bytes = new Map();
    this.longestPiece = 0;
    pieces.forEach((piece, id) => {
      if (this.isByte(id)) this.bytes.set(parseInt(piece.slice(3, 5), 16), id);
      if (!this.isNormal(id) && !this.isUserDefined(id)) return;
      this.ids.set(piece, id);
      this.longestPiece = Math.max(this.longestPiece, piece.length);
    });
    this.userPieces = pieces.filter((_, id) => this.isUserDefined(id));
    this.isNormal = this.isNormal.bind(this);
    this.isUserDefined = this.isUserDefined.bind(this);
  }

  isNormal(id) {
    return this.types[id] === NORMAL;
  }

  isControl(id) {
    return this.types[id] === CONTROL;
  }

  isUserDefined(id) {
    return this.types[id] === USER_DEFINED;
  }

  isByte(id) {
    return this.types[id] === BYTE;
  }

  /**
   * Splits a text into what byte-pair encoding starts with: characters, and
   * pieces of the user, which are never merged.
   * @param {string} text
   * @returns {object[]} symbols in order, with the indices of neighbours.
   */
  symbols(text) {
    const symbols = [];
    for (let start = 0; start < text.length; ) {
      const own = this.userPieceAt(text, start);
      const piece = own || String.fromCodePoint(text.codePointAt(start));
      start += piece.length;
      symbols.push({
        piece,
        isFrozen: own !== "",
        previous: symbols.length - 1,
        next: start < text.length ? symbols.length + 1 : -1,
      });
    }
    return symbols;
  }

  userPieceAt(text, start) {
    let longest = "";
    for (const piece of this.userPieces) {
      if (piece.length > longest.length && text.startsWith(piece, start)) {
        longest = piece;
      }
    }
    return longest;
  }
}
