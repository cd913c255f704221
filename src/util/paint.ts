import { styleText } from "node:util";

export type PaintStyle = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Colours a piece of text, or leaves it. Renderers get one passed in, so that they stay pure. */
export type Paint = (style: PaintStyle, text: string) => string;

export const plainPaint: Paint = (_style, text) => text;

/** Colours when the stream is a terminal and neither NO_COLOR nor its kin in the environment says no. */
export const paintFor =
  (stream: NodeJS.WritableStream): Paint =>
  (style, text) =>
    styleText(style, text, { stream });
