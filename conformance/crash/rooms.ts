export const ROOMS = ["chat:a", "chat:b"];
