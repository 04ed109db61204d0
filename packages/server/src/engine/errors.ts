/** The error codes of Engine.IO's handshake ("Error codes" of its protocol), as `Server.errors`. */
export const errors = {
  UNKNOWN_TRANSPORT: 0,
  UNKNOWN_SID: 1,
  BAD_HANDSHAKE_METHOD: 2,
  BAD_REQUEST: 3,
  FORBIDDEN: 4,
  UNSUPPORTED_PROTOCOL_VERSION: 5,
} as const;

export type ErrorCode = (typeof errors)[keyof typeof errors];

export const errorMessages: Record<ErrorCode, string> = {
  0: "Transport unknown",
  1: "Session ID unknown",
  2: "Bad handshake method",
  3: "Bad request",
  4: "Forbidden",
  5: "Unsupported protocol version",
};

/** Why a request was refused: a code, and details for the `connection_error` event. */
export interface Refusal {
  code: ErrorCode;
  context: Record<string, unknown> | undefined;
}
