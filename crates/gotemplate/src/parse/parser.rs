//! Tokens to trees. Variables are resolved to slots here, functions to their definitions.

use std::sync::Arc;

use super::ast::{Branch, Node, NodeId, NodeKind, Span, Tree, UNDEFINED, Unit};
use super::lex::{Keywords, Kind, Lexer, Token};
use super::{ParseError, ParseOptions, Parsed, literal};
use crate::value::Str;

/// Deepest nesting of parentheses and control structures. Go's limit, which it has for parentheses only.
const MAX_DEPTH: usize = 10_000;

pub(super) fn parse(name: Str, text: &[u8], options: &ParseOptions<'_>) -> Result<Parsed> {
    let left = if options.left_delimiter.is_empty() { "{{" } else { options.left_delimiter };
    let right = if options.right_delimiter.is_empty() { "}}" } else { options.right_delimiter };
    if u32::try_from(text.len()).is_err() {
        let message = format!("template: {name}:1: text is larger than 4 GiB");
        return Err(Box::new(ParseError { message, template: name, line: 1 }));
    }
    let keywords = Keywords {
        break_: options.functions.get(b"break").is_none(),
        continue_: options.functions.get(b"continue").is_none(),
    };
    let mut parser = Parser {
        options,
        name,
        lexer: Lexer::new(text, left.as_bytes(), right.as_bytes(), keywords),
        pending: [START; 2],
        pending_count: 0,
        last: START,
        // Charts have a node for every 20 bytes or so.
        nodes: Vec::with_capacity(text.len() / 24),
        children: Vec::new(),
        scratch: Vec::new(),
        names: Vec::new(),
        scope: Scope::default(),
        action: None,
        depth: 0,
        drafts: Vec::new(),
    };
    parser.top_level()?;
    Ok(parser.finish(text))
}

/// What is before the first token.
const START: Token = Token { start: 0, end: 0, kind: Kind::Eof, spaced: false };

/// The error is boxed, since these results are passed on all the time.
type Result<T> = std::result::Result<T, Box<ParseError>>;

struct Variable<'a> {
    name: &'a [u8],
    slot: u32,
}

/// What is in force while one template's body is parsed.
struct Scope<'a> {
    variables: Vec<Variable<'a>>,
    /// Highest number of variables in force at once.
    slots: u32,
    height: u32,
    range_depth: usize,
}

impl Default for Scope<'_> {
    fn default() -> Self {
        Self { variables: vec![Variable { name: b"$", slot: 0 }], slots: 1, height: 1, range_depth: 0 }
    }
}

impl<'a> Scope<'a> {
    fn declare(&mut self, name: &'a [u8]) -> u32 {
        let slot = self.height;
        self.height += 1;
        self.slots = self.slots.max(self.height);
        self.variables.push(Variable { name, slot });
        slot
    }

    /// The slot of the innermost variable in force; `UNDEFINED` for one known to Go's parser only.
    fn find(&self, name: &[u8]) -> Option<u32> {
        let mut named = self.variables.iter().rev().filter(|variable| variable.name == name);
        let first = named.next()?.slot;
        Some(if first == UNDEFINED {
            named.map(|variable| variable.slot).find(|slot| *slot != UNDEFINED).unwrap_or(UNDEFINED)
        } else {
            first
        })
    }
}

/// A template before its unit exists.
struct Draft {
    name: Str,
    root: Span,
    slots: u32,
    empty: bool,
}

/// What ends a list of items.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    End,
    Else,
}

impl End {
    fn source(self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

enum Item {
    Node(NodeId),
    End(End),
}

struct Parser<'a> {
    options: &'a ParseOptions<'a>,
    name: Str,
    lexer: Lexer<'a>,
    /// Tokens that were read ahead, the next one last. There are never more than two.
    pending: [Token; 2],
    pending_count: usize,
    /// The token read last from the text: errors report its line.
    last: Token,
    nodes: Vec<Node>,
    children: Vec<NodeId>,
    /// Members of the lists that are not complete yet, the innermost list last.
    scratch: Vec<NodeId>,
    names: Vec<Span>,
    scope: Scope<'a>,
    /// Position of the left delimiter of the action being parsed.
    action: Option<u32>,
    depth: usize,
    drafts: Vec<Draft>,
}
impl<'a> Parser<'a> {
    fn finish(self, text: &[u8]) -> Parsed {
        let unit = Arc::new(Unit {
            name: self.name,
            text: text.into(),
            nodes: self.nodes,
            children: self.children,
            names: self.names,
        });
        let tree = |draft: Draft| {
            Arc::new(Tree {
                name: draft.name,
                unit: Arc::clone(&unit),
                root: draft.root,
                slots: draft.slots,
                empty: draft.empty,
            })
        };
        Parsed { trees: self.drafts.into_iter().map(tree).collect() }
    }

    // Tokens.

    #[inline]
    fn next(&mut self) -> Token {
        if self.pending_count > 0 {
            self.pending_count -= 1;
            return self.pending[self.pending_count];
        }
        self.last = self.lexer.next_token();
        self.last
    }

    #[inline]
    fn backup(&mut self, token: Token) {
        self.pending[self.pending_count] = token;
        self.pending_count += 1;
    }

    #[inline]
    fn peek(&mut self) -> Token {
        let token = self.next();
        self.backup(token);
        token
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token> {
        let token = self.next();
        if token.kind == kind { Ok(token) } else { Err(self.unexpected(token, context)) }
    }

    #[cold]
    fn error(&self, message: impl std::fmt::Display) -> Box<ParseError> {
        let line = self.lexer.line(self.last.start);
        let message = format!("template: {}:{line}: {message}", self.name);
        Box::new(ParseError { message, template: self.name.clone(), line })
    }

    #[cold]
    fn unexpected(&self, token: Token, context: &str) -> Box<ParseError> {
        if token.kind != Kind::Error {
            return self.error(format_args!("unexpected {} in {context}", self.describe(token)));
        }
        let message = self.lexer.error();
        let started = self.action.map(|pos| self.lexer.line(pos));
        match started {
            Some(line) if line != self.lexer.line(token.start) => {
                let in_action = if message.ends_with(" action") { "" } else { " in action" };
                self.error(format_args!("{message}{in_action} started at {}:{line}", self.name))
            }
            _ => self.error(message),
        }
    }

    fn describe(&self, token: Token) -> String {
        let text = self.lexer.slice(token);
        if token.kind == Kind::Eof {
            "EOF".into()
        } else if token.kind.is_keyword() {
            format!("<{}>", String::from_utf8_lossy(text))
        } else if text.len() > 10 {
            let mut end = 0;
            for _ in 0..10 {
                end += super::lex::decode(&text[end..]).map_or(0, |(_, len)| len);
            }
            format!("{}...", crate::fmt::quote(&text[..end]))
        } else {
            crate::fmt::quote(text)
        }
    }

    // Nodes.

    fn node(&mut self, pos: u32, kind: NodeKind) -> NodeId {
        self.nodes.push(Node { pos, kind });
        self.nodes.len() as NodeId - 1
    }

    /// Completes the list whose members lie in `scratch` from `mark` on.
    fn list(&mut self, mark: usize) -> Span {
        let start = self.children.len() as u32;
        self.children.extend_from_slice(&self.scratch[mark..]);
        self.scratch.truncate(mark);
        Span { start, end: self.children.len() as u32 }
    }

    fn text_span(token: Token) -> Span {
        Span { start: token.start, end: token.end }
    }

    fn display(&self, id: NodeId) -> String {
        // The unit does not exist yet; operands need only their literal text here.
        match &self.nodes[id as usize].kind {
            NodeKind::Dot => ".".into(),
            NodeKind::Nil => "nil".into(),
            NodeKind::Bool(value) => value.to_string(),
            NodeKind::Number(number) => number.text.clone(),
            NodeKind::String { quoted, .. } => {
                let token = Token { start: quoted.start, end: quoted.end, ..START };
                String::from_utf8_lossy(self.lexer.slice(token)).into_owned()
            }
            _ => String::new(),
        }
    }

    // Structure.

    fn top_level(&mut self) -> Result<()> {
        let mark = self.scratch.len();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                let token = self.next();
                if token.kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.backup(token);
                self.backup(delim);
            }
            match self.text_or_action()? {
                Item::Node(node) => self.scratch.push(node),
                Item::End(end) => return Err(self.error(format_args!("unexpected {}", end.source()))),
            }
        }
        let root = self.list(mark);
        let name = self.name.clone();
        let slots = self.scope.slots;
        self.add(name, root, slots)
    }

    fn definition(&mut self) -> Result<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next();
        let name = self.template_name(token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        self.body(name, CONTEXT)
    }

    /// The body of a define or block: a template of its own.
    fn body(&mut self, name: Str, context: &str) -> Result<()> {
        let outer = std::mem::take(&mut self.scope);
        let outer_action = self.action.take();
        let (root, end) = self.item_list()?;
        if end != End::End {
            return Err(self.error(format_args!("unexpected {} in {context}", end.source())));
        }
        let inner = std::mem::replace(&mut self.scope, outer);
        self.action = outer_action;
        self.add(name, root, inner.slots)
    }

    fn add(&mut self, name: Str, root: Span, slots: u32) -> Result<()> {
        let empty = self.children[root.range()].iter().all(|id| match &self.nodes[*id as usize].kind {
            NodeKind::Text { text } => {
                let token = Token { start: text.start, end: text.end, ..START };
                is_space(self.lexer.slice(token))
            }
            _ => false,
        });
        let draft = Draft { name, root, slots, empty };
        match self.drafts.iter().position(|other| other.name == draft.name) {
            None => self.drafts.push(draft),
            Some(index) if self.drafts[index].empty => self.drafts[index] = draft,
            Some(_) if empty => {}
            Some(_) => {
                let name = crate::fmt::quote(&draft.name);
                return Err(self.error(format_args!("template: multiple definition of template {name}")));
            }
        }
        Ok(())
    }

    fn item_list(&mut self) -> Result<(Span, End)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        let items = crate::stack::grow(|| self.items());
        self.depth -= 1;
        items
    }

    fn items(&mut self) -> Result<(Span, End)> {
        let mark = self.scratch.len();
        while self.peek().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => self.scratch.push(node),
                Item::End(end) => return Ok((self.list(mark), end)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Result<Item> {
        let token = self.next();
        match token.kind {
            Kind::Text => {
                Ok(Item::Node(self.node(token.start, NodeKind::Text { text: Self::text_span(token) })))
            }
            Kind::LeftDelim => {
                self.action = Some(token.start);
                let item = self.action()?;
                self.action = None;
                Ok(item)
            }
            _ => Err(self.unexpected(token, "input")),
        }
    }

    fn action(&mut self) -> Result<Item> {
        let token = self.next();
        let node = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.jump(token, "{{break}}", NodeKind::Break)?,
            Kind::Continue => self.jump(token, "{{continue}}", NodeKind::Continue)?,
            Kind::Else => {
                if !matches!(self.peek().kind, Kind::If | Kind::With) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Item::End(End::Else));
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::End(End::End));
            }
            Kind::If => self.control("if")?,
            Kind::Range => self.control("range")?,
            Kind::With => self.control("with")?,
            Kind::Template => self.template()?,
            _ => {
                self.backup(token);
                let pipe = self.pipeline("command", Kind::RightDelim)?;
                self.node(token.start, NodeKind::Action { pipe })
            }
        };
        Ok(Item::Node(node))
    }

    fn jump(&mut self, token: Token, source: &str, kind: NodeKind) -> Result<NodeId> {
        let next = self.next();
        if next.kind != Kind::RightDelim {
            return Err(self.unexpected(next, source));
        }
        if self.scope.range_depth == 0 {
            return Err(self.error(format_args!("{source} outside {{{{range}}}}")));
        }
        Ok(self.node(token.start, kind))
    }

    fn control(&mut self, keyword: &'static str) -> Result<NodeId> {
        let (outer, height) = (self.scope.variables.len(), self.scope.height);
        let pipe = self.pipeline(keyword, Kind::RightDelim)?;
        let declared = self.scope.variables.len();
        let body_height = self.scope.height;
        let nests = usize::from(keyword == "range");
        self.scope.range_depth += nests;
        let (list, end) = self.item_list()?;
        self.scope.range_depth -= nests;
        let mut else_list = None;
        if end == End::Else {
            // Go's parser still knows the body's variables in the else part; its executor does not.
            for variable in &mut self.scope.variables[declared..] {
                variable.slot = UNDEFINED;
            }
            self.scope.height = body_height;
            else_list = Some(self.else_part(keyword)?);
        }
        self.scope.variables.truncate(outer);
        self.scope.height = height;
        let branch = Branch { pipe, list, else_list };
        let pos = self.nodes[pipe as usize].pos;
        let kind = match keyword {
            "if" => NodeKind::If(branch),
            "with" => NodeKind::With(branch),
            _ => NodeKind::Range(branch),
        };
        Ok(self.node(pos, kind))
    }

    fn else_part(&mut self, keyword: &'static str) -> Result<Span> {
        let next = self.peek();
        if (keyword, next.kind) == ("if", Kind::If) || (keyword, next.kind) == ("with", Kind::With) {
            self.next();
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.error(format_args!("nested deeper than {MAX_DEPTH} levels")));
            }
            let node = crate::stack::grow(|| self.control(keyword))?;
            self.depth -= 1;
            self.scratch.push(node);
            return Ok(self.list(self.scratch.len() - 1));
        }
        let (list, end) = self.item_list()?;
        if end != End::End {
            return Err(self.error(format_args!("expected end; found {}", end.source())));
        }
        Ok(list)
    }

    fn block(&mut self) -> Result<NodeId> {
        const CONTEXT: &str = "block clause";
        let token = self.next();
        let name = self.template_name(token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        self.body(name.clone(), CONTEXT)?;
        Ok(self.node(token.start, NodeKind::Template { name, pipe: Some(pipe) }))
    }

    fn template(&mut self) -> Result<NodeId> {
        const CONTEXT: &str = "template clause";
        let token = self.next();
        let name = self.template_name(token, CONTEXT)?;
        let next = self.next();
        let mut pipe = None;
        if next.kind != Kind::RightDelim {
            self.backup(next);
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelim)?);
        }
        Ok(self.node(token.start, NodeKind::Template { name, pipe }))
    }

    fn template_name(&mut self, token: Token, context: &str) -> Result<Str> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return Err(self.unexpected(token, context));
        }
        self.unquote(token)
    }

    fn unquote(&self, token: Token) -> Result<Str> {
        literal::unquote(self.lexer.slice(token))
            .map(|text| Str::from(&*text))
            .ok_or_else(|| self.error("invalid syntax"))
    }

    // Expressions.

    fn pipeline(&mut self, context: &str, end: Kind) -> Result<NodeId> {
        let pos = self.peek().start;
        let (decls, assign) = self.declarations(context)?;
        let mark = self.scratch.len();
        loop {
            let token = self.next();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup(token);
                    let command = self.command()?;
                    self.scratch.push(command);
                }
                _ => return Err(self.unexpected(token, context)),
            }
        }
        self.check_commands(mark, context)?;
        let commands = self.list(mark);
        let decls = self.declare(&decls, assign);
        Ok(self.node(pos, NodeKind::Pipe { decls, assign, commands }))
    }

    /// The variables before `:=` or `=`, and whether it is `=`.
    ///
    /// Go's parser knows them already in the expression itself; executed there, they are undefined.
    fn declarations(&mut self, context: &str) -> Result<(Vec<Token>, bool)> {
        let mut decls = Vec::new();
        loop {
            let variable = self.peek();
            if variable.kind != Kind::Variable {
                return Ok((decls, false));
            }
            self.next();
            let next = self.peek();
            let is_comma = next.kind == Kind::Char && self.lexer.slice(next) == b",";
            if matches!(next.kind, Kind::Assign | Kind::Declare) || is_comma {
                self.next();
                decls.push(variable);
                let name = self.lexer.slice(variable);
                self.scope.variables.push(Variable { name, slot: UNDEFINED });
                if !is_comma {
                    return Ok((decls, next.kind == Kind::Assign));
                }
                if context == "range" && decls.len() < 2 {
                    match self.peek().kind {
                        Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                        _ => return Err(self.error("range can only initialize variables")),
                    }
                }
                return Err(self.error(format_args!("too many declarations in {context}")));
            }
            self.backup(variable);
            return Ok((decls, false));
        }
    }

    fn declare(&mut self, decls: &[Token], assign: bool) -> Span {
        let mark = self.scratch.len();
        for token in decls {
            let name = self.lexer.slice(*token);
            let slot =
                if assign { self.scope.find(name).unwrap_or(UNDEFINED) } else { self.scope.declare(name) };
            let kind = NodeKind::Variable { slot, name: Self::text_span(*token), names: Span::default() };
            let node = self.node(token.start, kind);
            self.scratch.push(node);
        }
        self.list(mark)
    }

    fn check_commands(&self, mark: usize, context: &str) -> Result<()> {
        let commands = &self.scratch[mark..];
        if commands.is_empty() {
            return Err(self.error(format_args!("missing value for {context}")));
        }
        for (index, command) in commands.iter().enumerate().skip(1) {
            let NodeKind::Command { args } = &self.nodes[*command as usize].kind else { continue };
            let first = self.children[args.start as usize];
            if matches!(
                self.nodes[first as usize].kind,
                NodeKind::Bool(_)
                    | NodeKind::Dot
                    | NodeKind::Nil
                    | NodeKind::Number(_)
                    | NodeKind::String { .. }
            ) {
                let stage = index + 1;
                return Err(self.error(format_args!("non executable command in pipeline stage {stage}")));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<NodeId> {
        let pos = self.peek().start;
        let mark = self.scratch.len();
        loop {
            let operand = self.operand()?;
            self.scratch.extend(operand);
            let token = self.next();
            match token.kind {
                Kind::RightDelim | Kind::RightParen => {
                    self.backup(token);
                    break;
                }
                Kind::Pipe => break,
                _ if token.spaced && operand.is_some() => self.backup(token),
                _ => return Err(self.unexpected(token, "operand")),
            }
        }
        if self.scratch.len() == mark {
            return Err(self.error("empty command"));
        }
        let args = self.list(mark);
        Ok(self.node(pos, NodeKind::Command { args }))
    }

    /// A term with the fields that follow it.
    fn operand(&mut self) -> Result<Option<NodeId>> {
        let Some(node) = self.term()? else { return Ok(None) };
        let field = self.peek();
        if field.kind != Kind::Field || field.spaced {
            return Ok(Some(node));
        }
        if matches!(
            self.nodes[node as usize].kind,
            NodeKind::Bool(_) | NodeKind::String { .. } | NodeKind::Number(_) | NodeKind::Nil | NodeKind::Dot
        ) {
            let mut last = field;
            while self.peek_is_field() {
                last = self.next();
            }
            // The line is that of the fields, not of what was read ahead.
            self.last = last;
            let term = crate::fmt::quote(self.display(node).as_bytes());
            return Err(self.error(format_args!("unexpected . after term {term}")));
        }
        // The names of a field or variable node are the last ones in the table: they grow in place.
        let mut names = Span { start: self.names.len() as u32, end: 0 };
        if let NodeKind::Field { names: own } | NodeKind::Variable { names: own, .. } =
            &self.nodes[node as usize].kind
            && own.len() > 0
        {
            names.start = own.start;
        }
        while self.peek_is_field() {
            let token = self.next();
            self.names.push(Span { start: token.start + 1, end: token.end });
        }
        names.end = self.names.len() as u32;
        let pos = field.start;
        match &mut self.nodes[node as usize] {
            Node {
                pos: own,
                kind: NodeKind::Field { names: all } | NodeKind::Variable { names: all, .. },
            } => {
                *all = names;
                *own = pos;
                Ok(Some(node))
            }
            _ => Ok(Some(self.node(pos, NodeKind::Chain { node, names }))),
        }
    }

    /// Whether a field follows without white space.
    fn peek_is_field(&mut self) -> bool {
        let token = self.peek();
        token.kind == Kind::Field && !token.spaced
    }

    fn term(&mut self) -> Result<Option<NodeId>> {
        let token = self.next();
        let text = self.lexer.slice(token);
        let kind = match token.kind {
            Kind::Identifier => match self.options.functions.get(text) {
                Some(function) => NodeKind::Function(Arc::clone(function)),
                None => {
                    let name = crate::fmt::quote(text);
                    return Err(self.error(format_args!("function {name} not defined")));
                }
            },
            Kind::Dot => NodeKind::Dot,
            Kind::Nil => NodeKind::Nil,
            Kind::Variable => match self.scope.find(text) {
                Some(slot) => {
                    NodeKind::Variable { slot, name: Self::text_span(token), names: Span::default() }
                }
                None => {
                    let name = crate::fmt::quote(text);
                    return Err(self.error(format_args!("undefined variable {name}")));
                }
            },
            Kind::Field => {
                let start = self.names.len() as u32;
                self.names.push(Span { start: token.start + 1, end: token.end });
                NodeKind::Field { names: Span { start, end: start + 1 } }
            }
            Kind::Bool => NodeKind::Bool(text == b"true"),
            Kind::CharConstant | Kind::Number | Kind::Complex => {
                let text = String::from_utf8_lossy(text);
                let number = match token.kind {
                    Kind::Number => literal::number(&text),
                    Kind::Complex => literal::complex(&text),
                    _ => literal::rune(&text),
                };
                NodeKind::Number(Box::new(number.map_err(|message| self.error(message))?))
            }
            Kind::LeftParen => return self.parenthesised().map(Some),
            Kind::String | Kind::RawString => {
                NodeKind::String { quoted: Self::text_span(token), value: self.unquote(token)? }
            }
            _ => {
                self.backup(token);
                return Ok(None);
            }
        };
        Ok(Some(self.node(token.start, kind)))
    }

    fn parenthesised(&mut self) -> Result<NodeId> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("max expression depth exceeded"));
        }
        let pipe = crate::stack::grow(|| self.pipeline("parenthesized pipeline", Kind::RightParen));
        self.depth -= 1;
        pipe
    }
}

fn is_space(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).trim().is_empty()
}
