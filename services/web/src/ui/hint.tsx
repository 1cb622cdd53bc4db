import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { usePlacement } from './placement';

/** Long enough that crossing the page with the pointer opens nothing. */
const OPEN_DELAY_MS = 120;
/** Time to move the pointer into the hint, to select and copy from it. */
const CLOSE_DELAY_MS = 180;

interface HintProps {
  /** What the reader points at. */
  readonly children: ReactNode;
  readonly hint: ReactNode;
  readonly className?: string;
}

/** Shows more on hover, on focus and on tap. The text is read out with the trigger. */
export function Hint({ children, hint, className = '' }: HintProps) {
  const [isOpen, setOpen] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const anchor = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const id = useId();
  const placement = usePlacement(anchor, panel, isOpen);

  const later = (isOpenThen: boolean, ms: number) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setOpen(isOpenThen), ms);
  };
  const open = () => later(true, OPEN_DELAY_MS);
  const closeSoon = () => later(false, CLOSE_DELAY_MS);
  const close = () => {
    clearTimeout(timer.current);
    setOpen(false);
  };
  useEffect(() => () => clearTimeout(timer.current), []);

  return (
    <>
      <button
        ref={anchor}
        type="button"
        className={`hint ${className}`}
        aria-describedby={isOpen ? id : undefined}
        onPointerEnter={open}
        onPointerLeave={closeSoon}
        onFocus={open}
        onBlur={close}
        onClick={() => setOpen(true)}
        onKeyDown={event => {
          if (event.key !== 'Escape' || !isOpen) return;
          event.stopPropagation();
          close();
        }}
      >
        {children}
      </button>
      {isOpen &&
        createPortal(
          <div
            ref={panel}
            id={id}
            role="tooltip"
            className="popover hint-body"
            onPointerEnter={() => clearTimeout(timer.current)}
            onPointerLeave={closeSoon}
            style={placement ? { left: placement.left, top: placement.top } : { visibility: 'hidden' }}
          >
            {hint}
          </div>,
          document.body,
        )}
    </>
  );
}
