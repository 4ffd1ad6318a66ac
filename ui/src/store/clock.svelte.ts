// One shared clock for every age on the screen: it ticks once a second and not while the window is hidden.

export class Clock {
  /** Platform time, milliseconds since 1970. */
  now = $state(Date.now());

  constructor(private readonly read: () => number) {}

  start(): () => void {
    const tick = (): void => {
      if (!document.hidden) this.now = this.read();
    };
    tick();
    const timer = setInterval(tick, 1000);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }
}
