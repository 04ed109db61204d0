/** How many kept rooms there are. */
export const ROOMS = 5;

/** Where a client's numbers go: each client writes to several rooms, each room has several writers. */
export const roomOf = (client: number, number: number): string => `notes:${(client + (number % 3)) % ROOMS}`;
