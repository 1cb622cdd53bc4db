import { type ReactNode, useCallback, useEffect, useId, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { usePlacement } from './placement';

interface PopoverProps {
  /** Names the panel for screen readers. */
  readonly label: string;
  readonly trigger: ReactNode;
  readonly className?: string;
  readonly triggerLabel?: string;
  /** Drawn when open; `close` gives the focus back to the trigger. */
  readonly children: (close: () => void) => ReactNode;
}

/** A button that opens a panel. Escape, a click elsewhere or leaving by keyboard close it. */
export function Popover({ label, trigger, className = 'button', triggerLabel, children }: PopoverProps) {
  const [isOpen, setOpen] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const id = useId();
  const placement = usePlacement(anchor, panel, isOpen);

  const close = useCallback(() => {
    setOpen(false);
    anchor.current?.focus();
  }, []);

  useEffect(() => {
    if (!isOpen) return;
    const focusable = panel.current?.querySelector<HTMLElement>('input, button, [tabindex="0"]');
    (focusable ?? panel.current)?.focus({ preventScroll: true });
    const leave = (event: Event) => {
      const target = event.target as Node;
      if (!panel.current?.contains(target) && !anchor.current?.contains(target)) setOpen(false);
    };
    document.addEventListener('pointerdown', leave);
    document.addEventListener('focusin', leave);
    return () => {
      document.removeEventListener('pointerdown', leave);
      document.removeEventListener('focusin', leave);
    };
  }, [isOpen]);

  return (
    <>
      <button
        ref={anchor}
        type="button"
        className={className}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-label={triggerLabel}
        title={triggerLabel}
        onClick={() => setOpen(open => !open)}
      >
        {trigger}
      </button>
      {isOpen &&
        createPortal(
          <div
            ref={panel}
            id={id}
            className="popover"
            role="dialog"
            aria-label={label}
            tabIndex={-1}
            style={placement ? { left: placement.left, top: placement.top } : { visibility: 'hidden' }}
            onKeyDown={event => {
              if (event.key !== 'Escape') return;
              event.stopPropagation();
              close();
            }}
          >
            {children(close)}
          </div>,
          document.body,
        )}
    </>
  );
}
