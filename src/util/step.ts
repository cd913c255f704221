/**
 * Named points of the pipeline at which a crash is worth testing. In production a step is a call of
 * an empty function; the crash suite installs a hook that records the names, or ends the process there.
 */
type StepHook = (name: string) => void;

let hook: StepHook | null = null;

export function setStepHook(next: StepHook | null): void {
  hook = next;
}

export function step(name: string): void {
  if (hook !== null) hook(name);
}
