/** One text for a job of a queue, and for no other: both names may have any character. */
export const jobKey = (queue: string, id: string): string => `${queue.length} ${queue}${id}`;
