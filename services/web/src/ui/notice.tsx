import type { ReactNode } from 'react';

interface NoticeProps {
  readonly title: string;
  readonly children?: ReactNode;
  /** Set when it tells of a failure, which screen readers then announce. */
  readonly isFailure?: boolean;
}

/** What stands where there is nothing to show: empty, missing, failed. */
export function Notice({ title, children, isFailure = false }: NoticeProps) {
  return (
    <div className="notice" role={isFailure ? 'alert' : 'status'}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}
