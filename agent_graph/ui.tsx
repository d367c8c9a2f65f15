// The motion of an answer on a chat page; `viewer.py` makes the props.

type Props = { motions: string[]; title: string; page: string };

function Motion({ title, page }: Props) {
  if (!page) return <p>{title}</p>;
  const style = { width: "100%", height: 440, border: 0, borderRadius: 10 };
  return <iframe title={title} srcDoc={page} sandbox="allow-scripts" style={style} />;
}

export default { motion: Motion };
