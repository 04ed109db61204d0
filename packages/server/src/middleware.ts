/** Calls `next` when done; with an error to refuse. */
export type Middleware<Subject, Failure> = (subject: Subject, next: (error?: Failure) => void) => void;

/**
 * Runs the functions one after the other on `subject`, then `done`. The first error ends the run. Functions added
 * meanwhile do not take part.
 */
export function runMiddleware<Subject, Failure>(
  functions: readonly Middleware<Subject, Failure>[] | undefined,
  subject: Subject,
  done: (error?: Failure) => void,
): void {
  const chain = functions?.slice() ?? [];
  const run = (i: number) => {
    const step = chain[i];
    if (!step) {
      done();
      return;
    }
    step(subject, (error) => {
      // any truthy value refuses, as in Express
      if (error) done(error);
      else run(i + 1);
    });
  };
  run(0);
}
